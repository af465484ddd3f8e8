-- When a fingerprint came first is asked whenever one fails that was not lately.
CREATE INDEX run_print ON run (source, queue, fingerprint, finished_s) WHERE fingerprint <> '';
