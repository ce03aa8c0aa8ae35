"""The visitor's side: what is held about a browser, shown to whoever uses it, and theirs to stop, take or erase."""
