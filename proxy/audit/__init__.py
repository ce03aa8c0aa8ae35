"""`footfall audit`: the pages of a site read as the tracker will read them, and what is wrong with their tags."""
