"""How fast the engine is: what ``manage.py bench_engine`` measures."""
