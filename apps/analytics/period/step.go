package period

import (
	"net/url"
	"time"
)

// Step is the parameter that sets the length of a bucket, for [ParseStep].
const Step = "step"

// BucketStep is a possible length of a bucket, with its name as a parameter and in text.
type BucketStep struct {
	Name, Text string
	Length     time.Duration
}

// Steps lists the possible lengths of a bucket, the shortest first. Those below an hour need raw events.
var Steps = []BucketStep{
	{"1m", "minute", time.Minute}, {"5m", "5 minutes", 5 * time.Minute}, {"15m", "15 minutes", 15 * time.Minute},
	{"1h", "hour", time.Hour}, {"3h", "3 hours", 3 * time.Hour}, {"6h", "6 hours", 6 * time.Hour},
	{"1d", "day", Day}, {"7d", "week", 7 * Day},
}

// ParseStep reads a period like [Parse], and the parameter step, without a limit on the number of buckets. It extends
// the period to whole buckets. It returns an [Error] if step is unknown, or is below an hour and the period begins
// before the oldest raw events.
func ParseStep(q url.Values, now time.Time, limits Limits) (Period, error) {
	now = now.UTC()
	wished, err := parseStep(q)
	if err != nil {
		return Period{}, err
	}
	p, err := parse(q, now, limits, wished)
	if err == nil && wished != 0 && p.Raw() && now.Sub(p.From) >= limits.Raw {
		return p, &Error{Step, "Steps under an hour are only available for recent days. Choose 1h or more."}
	}
	return p, err
}

func parseStep(q url.Values) (time.Duration, error) {
	if len(q[Step]) > 1 {
		return 0, &Error{Step, "“step” is given more than once."}
	}
	name := q.Get(Step)
	if name == "" {
		return 0, nil
	}
	for _, s := range Steps {
		if s.Name == name {
			return s.Length, nil
		}
	}
	return 0, &Error{Step, "Choose a step of 1m, 5m, 15m, 1h, 3h, 6h, 1d or 7d."}
}

// StepName returns the name of p's step.
func (p Period) StepName() string { return p.bucketStep().Name }

// StepText returns the length of a bucket in words: "minute", "hour", "6 hours".
func (p Period) StepText() string { return p.bucketStep().Text }

func (p Period) bucketStep() BucketStep {
	for _, s := range Steps {
		if s.Length == p.Step {
			return s
		}
	}
	return BucketStep{p.Step.String(), p.Step.String(), p.Step}
}

// inSteps returns p in buckets of length step, extended to whole buckets. If step is 0 it returns p.
func (p Period) inSteps(step time.Duration) Period {
	if step != 0 {
		p.From, p.To, p.Step = Floor(p.From, step), ceil(p.To, step), step
	}
	return p
}

// Head returns the first n buckets of p, and the start of the next bucket or the zero time if there is none.
func (p Period) Head(n int) (head Period, next time.Time) {
	if end := p.From.Add(time.Duration(n) * p.Step); end.Before(p.To) {
		p.To = end
		return p, end
	}
	return p, time.Time{}
}
