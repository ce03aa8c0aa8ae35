"""Where it is kept: the promises of a store, and the engines that keep them."""
