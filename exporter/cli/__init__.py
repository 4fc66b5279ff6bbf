"""The command line: flags, commands, logs, signals, systemd. The only room that knows every other."""
