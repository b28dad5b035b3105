"""Copies of backups off this host: WebDAV, S3, SFTP, rsync."""
