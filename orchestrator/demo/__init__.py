"""The demo: people, a model, a handbook and three orchestrations, useful by themselves."""
