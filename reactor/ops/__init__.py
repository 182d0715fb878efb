"""Running the server in production: under systemd, and what an operator watches."""
