"""The web app: parse, call the engine, render. ``create_app`` makes it, ``server.serve`` runs it."""
