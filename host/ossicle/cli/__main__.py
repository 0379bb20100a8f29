"""`python -m ossicle.cli`, for where the script is not on the path."""

from . import main

main()
