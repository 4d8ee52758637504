-- jobs.db as REDLINE 0.1.0 made it (schema 1), with one job that had ended.
CREATE TABLE events (
	job_id VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (job_id, seq)
);
CREATE TABLE jobs (
	id VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	natural_key VARCHAR NOT NULL, 
	open_key VARCHAR, 
	idempotency_key VARCHAR, 
	request TEXT NOT NULL, 
	source VARCHAR NOT NULL, 
	dataset VARCHAR NOT NULL, 
	"plan" TEXT NOT NULL, 
	calls INTEGER NOT NULL, 
	created_at VARCHAR NOT NULL, 
	asked_from VARCHAR NOT NULL, 
	explicit INTEGER NOT NULL, 
	sealed_key TEXT, 
	error TEXT, 
	finished_at VARCHAR, 
	records INTEGER, 
	gaps TEXT, 
	tickers TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (open_key)
);
CREATE INDEX jobs_by_idempotency ON jobs (idempotency_key);
CREATE INDEX jobs_by_stage ON jobs (stage);
CREATE INDEX jobs_by_time ON jobs (created_at);
CREATE TABLE parts (
	job_id VARCHAR NOT NULL, 
	n INTEGER NOT NULL, 
	part TEXT NOT NULL, 
	ticker VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	token INTEGER NOT NULL, 
	owner VARCHAR, 
	attempts INTEGER NOT NULL, 
	unwell_since_s FLOAT, 
	due_s FLOAT, 
	waiting VARCHAR NOT NULL, 
	boot VARCHAR, 
	records INTEGER NOT NULL, 
	requests INTEGER NOT NULL, 
	sessions_done INTEGER NOT NULL, 
	set_aside INTEGER NOT NULL, 
	lacking INTEGER NOT NULL, 
	error TEXT, 
	PRIMARY KEY (job_id, n)
);
CREATE INDEX parts_by_state ON parts (state, job_id, n);
INSERT INTO jobs (id, stage, natural_key, request, source, dataset, plan, calls, created_at, asked_from, explicit, finished_at, records, gaps, tickers)
VALUES ('01kqexyzabcd', 'complete', 'k', '{"adjusted":true,"dataset":"bars","end_date":"2024-01-31","multiplier":1,"source":"massive","start_date":"2024-01-02","tickers":["ACME"],"timespan":"day"}', 'massive', 'bars',
'{"route": "pages", "calls": 2, "bytes": 2340, "minutes": 0.01, "parts": 2, "sessions": 21, "held": 0, "refused": 0, "not_in_plan": [], "alternatives": []}',
2, '2024-06-03T15:00:00.000000+00:00', '2024-06-03T15:00:00.000000+00:00', 0, '2024-06-03T15:00:01.000000+00:00', 21, '[]', '[["ACME",21,true]]');
INSERT INTO parts (job_id, n, part, ticker, state, token, attempts, waiting, records, requests, sessions_done, set_aside, lacking)
VALUES ('01kqexyzabcd', 0, '{"dataset":"bars","end":"2024-01-31","multiplier":1,"source":"massive","start":"2024-01-02","ticker":"ACME","timespan":"day"}', 'ACME', 'done', 1, 0, '', 21, 1, 21, 0, 0);
PRAGMA user_version = 1;
