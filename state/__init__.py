"""What is durable: the journal, the daily checkpoint, the instance lock and recovery. Data lies below `state/data/`."""
