"""The undo job: take a run back."""
