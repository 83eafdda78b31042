"""Training on Amazon SageMaker: described, staged, launched, followed, fetched; and the container's side of it."""
