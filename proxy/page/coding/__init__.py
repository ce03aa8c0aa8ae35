"""Bodies that are coded: decoded, changed, encoded again in the same coding; one module for each coding's library."""
