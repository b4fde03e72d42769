"""Makes `python -m holdfast` the same as the `holdfast` command."""

from holdfast.control.cli import main

if __name__ == "__main__":
    main()
