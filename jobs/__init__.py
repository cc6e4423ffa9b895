"""The jobs that leadloader runs: each puts the stages of `loader` in order."""
