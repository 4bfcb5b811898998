"""``manage.py prove``: tasks run on the configured servers while parts of Taskdeck are killed, then an audit.

``plan`` says what is submitted, ``user`` submits and cancels it, ``nodes`` starts the workers, ``faults``
harms them, ``tasks`` are the functions, which write ``ledger`` themselves, ``audit`` compares the ledger
with the rows, ``run`` is the whole, ``report`` prints it.
"""
