"""The load behind `client/benchmark.py`: many simulated clients in one process, and a check of all they receive.

`dialect` is what they speak, `stream` checks what arrives, `load` drives them, `process` reads what the server costs,
`scenarios` says what is run, `report` prints it.
"""
