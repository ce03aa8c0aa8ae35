"""The addresses of the visitor's page, below the prefix, and what each of them takes."""

PATHS = {
    "/privacy": ("GET",),
    "/privacy/stop": ("POST",),
    "/privacy/record": ("POST",),
    "/privacy/download": ("POST",),
    "/privacy/erase": ("GET", "POST"),
}
