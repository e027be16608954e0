"""The program by which an agent in a sandbox asks the user; Python 3.7 is enough for it."""
