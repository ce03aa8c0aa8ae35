"""What footfall costs: CPU per request beside nginx (`python -m benchmarks`), and where it goes (`.breakdown`)."""
