"""samft's training: from rasters and labels to a bundle."""
