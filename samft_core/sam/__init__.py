"""The Segment Anything Model. Only the modules of this package import torch and transformers."""
