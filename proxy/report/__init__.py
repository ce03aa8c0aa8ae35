"""The report: how what was recorded is seen. Reads the store through store/questions; changes nothing."""
