package emails

import (
	"strings"

	"gatehouse.example/apps/academy/lab"
)

// scans reports whether a plan reads the whole table.
func scans(plan string) bool {
	return strings.Contains(plan, "SCAN users") || strings.Contains(plan, "Seq Scan on users")
}

// seeks reports whether a plan uses an index.
func seeks(plan string) bool {
	return strings.Contains(plan, "SEARCH users USING INDEX") || strings.Contains(plan, "Index Scan")
}

// steps returns the guided path.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "make", Title: "A table of users", Control: "make", Args: lab.Args{"rows": guidedRows},
			Do:     "Make a table of 100,000 users, as a portal has one: id, email, name, the password's hash, and when they signed up. It has no index on the email.",
			Button: "Make 100,000 users",
			Result: "There are {{rows}} users in {{table-size}}. While the table grew, look-ups in it were measured: see the chart.",
			Why:    "Every sign-in begins with one question to this table: who has this email? What the answer costs decides how many people can sign in at once.",
			Seen:   func(f lab.Findings) bool { return f.Value("rows") >= 10_000 },
		},
		{
			ID: "without", Title: "Look up an email", Control: "look", Args: lab.Args{"how": exact},
			Do: "Look up a few emails: `SELECT … FROM users WHERE email = ?`. Then ask the database for its query plan.",
			Expect: &lab.Expect{Question: "How many rows does the database look at to find one email?", Right: 2, Options: []string{
				"One: it knows where the email stands", "About seventeen: it halves the table again and again", "All 100,000",
			}},
			Result: "It took **{{without-index-ms}}**, and the plan says: `{{plan-without}}`.",
			Why:    "Rows are stored in the order in which they were inserted. An email can be in any of them, so all rows are read: twice as many users, twice as long.",
			Seen:   func(f lab.Findings) bool { return f.Has("without-index-ms") && scans(f["plan-without"].Text) },
		},
		{
			ID: "index", Title: "Make the index", Control: "index", Args: lab.Args{"index": plain, "look": "false"},
			Do:     "Make an index on the column: `CREATE INDEX users_email ON users (email)`.",
			Button: "Make the index on email",
			Result: "That took {{index-made-ms}}, once, and {{index-size}} of disk.",
			Why:    "An index is a second, sorted list of the emails, each with its row. It costs room, and a little of each sign-up: the list has to be kept sorted.",
			Seen:   func(f lab.Findings) bool { return f.Value("index-made-ms") > 0 && f.Value("index-size") > 0 },
		},
		{
			ID: "with", Title: "Look up emails again", Control: "look", Args: lab.Args{"how": exact},
			Do: "The same question again, with the index.",
			Expect: &lab.Expect{Question: "How much faster will it be?", Right: 2, Options: []string{
				"Twice as fast", "Ten times as fast", "A hundred times as fast or more",
			}},
			Result: "**{{with-index-ms}}** instead of {{without-index-ms}}: without the index it takes **{{ratio}}** as long. The plan: `{{plan-with}}`.",
			Why: "The database halves its way through the sorted list. A table that is ten times as large costs a step or two more, not ten times as much: see how one line of the " +
				"chart rises and the other one hardly does. At five million users that is the difference between seconds and less than a millisecond.",
			Seen: func(f lab.Findings) bool {
				return f.Value("with-index-ms") > 0 && f.Value("ratio") > 1 && seeks(f["plan-with"].Text)
			},
		},
		{
			ID: "lower", Title: "Capital letters", Control: "look", Args: lab.Args{"how": folded},
			Do: "People write their email in different ways: User000010@example.com, user000010@example.com. So search without regard to case: `WHERE LOWER(email) = ?`. The index is still there.",
			Expect: &lab.Expect{Question: "Does the index on email help?", Right: 1, Options: []string{
				"Yes, the emails are the same", "No: the index has emails, not their lowercase form",
			}},
			Result: "**{{lower-ms}}**, and the plan is `{{lower-plan}}` again. But the right account is found: asked for in small letters, `email = ?` finds {{found-exact}}, `LOWER(email) = ?` finds {{found-lower}}.",
			Why:    "The index is sorted by what stands in the column. What LOWER makes of it stands nowhere, and has to be worked out for every row.",
			Seen: func(f lab.Findings) bool {
				return f.Has("lower-ms") && scans(f["lower-plan"].Text) && f.Has("found-exact") && f.Value("found-exact") == 0 && f.Value("found-lower") == 1
			},
		},
		{
			ID: "cure", Title: "An index on what is asked for", Control: "index", Args: lab.Args{"index": lower, "look": "true"},
			Do:     "Make an index on the expression itself, `CREATE INDEX users_email_lower ON users (LOWER(email))`, and look emails up again.",
			Button: "Make the index on LOWER(email)",
			Result: "**{{lower-with-index-ms}}** instead of {{lower-ms}}. The plan: `{{lower-plan-with}}`.",
			Why: "The database keeps a sorted list of what is asked for. Another cure is a column of its own with the email in small letters, as the portal of this estate has one " +
				"(`email_normalised`); on SQLite also a column or an index with `COLLATE NOCASE`.",
			Seen: func(f lab.Findings) bool {
				return f.Value("lower-with-index-ms") > 0 && f.Value("lower-ratio") > 1 && seeks(f["lower-plan-with"].Text)
			},
		},
		{
			ID: "twice", Title: "One mailbox, two accounts", Control: "register",
			Do: "Someone signs up as USER000007@EXAMPLE.COM. user000007@example.com has had an account for a long time.",
			Expect: &lab.Expect{Question: "Does the database let the second account in?", Right: 0, Options: []string{
				"Yes", "No, there is an index on LOWER(email)",
			}},
			Result: "There are **{{duplicates}}** accounts of one mailbox now.",
			Why:    "An index makes lookups fast, but it prevents duplicates only if it is unique. Which of the two accounts gets the email to reset the password?",
			Seen:   func(f lab.Findings) bool { return f.Value("duplicates") >= 2 },
		},
		{
			ID: "protect", Title: "A unique index", Control: "protect",
			Do:     "Make the index on LOWER(email) unique, and sign up in capitals once more. Duplicate accounts are deleted first: see the log.",
			Result: "Sign-ups that the database refused: **{{duplicate-refused}}**.",
			Why: "A check in the program comes too late when two sign-ups run at the same time on two servers. The unique index is one place that both have to pass. " +
				"Create it before the first user signs up: afterwards, you have to choose between accounts.",
			Seen: func(f lab.Findings) bool { return f.Value("duplicate-refused") >= 1 },
		},
	}
}
