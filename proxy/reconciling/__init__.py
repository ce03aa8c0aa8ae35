"""`footfall reconcile`: a site's own access log against what footfall counted, line by line."""
