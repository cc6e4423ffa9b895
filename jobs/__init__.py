"""The jobs that leadloader runs: import, validate, init. Each puts the stages of `loader` in order."""
