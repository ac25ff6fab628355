"""The subcommands of `weblogs`, one module each; the command line imports one when it is called."""
