"""How events get in: the server's own visits, the browser's beacons, and the recorder that makes them durable."""
