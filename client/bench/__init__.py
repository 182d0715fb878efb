"""The load generator behind `client/benchmark.py`: many simulated clients in one process, all they receive checked.

Reading order: `plan`, `dialect`, `stream`, `simulated`, `load`, `speaking`, `churn`, `process`, `scenarios`, `report`.
"""
