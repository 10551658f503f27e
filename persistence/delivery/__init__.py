"""What is to be delivered after a commit: the outbox, push cursors and mails."""
