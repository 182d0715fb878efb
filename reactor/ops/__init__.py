"""Running the server in production: under systemd, and with monitoring."""
