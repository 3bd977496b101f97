//! Rules: what a gateway remembers of one client, and how it decides.
//!
//! Gateways share a limit in Redis. To ask for each request would cost more than the request. So a gateway takes several requests
//! at once from Redis, and gives them out itself; each time it asks soon again, it takes twice as many, up to a twentieth of the
//! quota. What it has taken is worth something only for the time in which as many come back in Redis. So all gateways together
//! never allow more than the quota. While Redis is away, each counts alone, from what it has allowed itself before.

use super::gcra::{Rate, Standing};

/// The part of the quota that a gateway takes at most at once.
const LARGEST_PART: u64 = 20;

/// What a gateway remembers of one client under one policy. All times are in microseconds of one clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Client {
    /// What this gateway alone has allowed.
    tat: u64,
    /// How many requests have been taken from Redis and not given out, and until when they are worth something.
    taken: u64,
    taken_until: u64,
    /// How many were left in Redis.
    left: u64,
    /// Until when Redis would refuse.
    refused_until: u64,
    /// How many the next question asks for.
    next: u64,
    /// When Redis was asked last.
    asked_at: u64,
    /// Whether a question is on its way.
    is_asking: bool,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allow(Standing),
    /// With the time after which it would be allowed.
    Refuse(Standing, u64),
    /// Redis must be asked.
    Ask(Question),
}

/// What Redis is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// For how many requests.
    pub(super) wanted: u64,
    /// Whether it is one of several at the same time. Such a question is for one request only.
    pub(super) is_further: bool,
}

/// The answer of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) taken: u64,
    pub(super) left: u64,
    /// After how long all are allowed again.
    pub(super) reset: u64,
}

impl Client {
    /// Decides about a request together with the other gateways.
    pub(super) fn decide(&mut self, rate: Rate, now: u64) -> Decision {
        let largest = (rate.quota / LARGEST_PART).max(1);
        // They were written under another rate, if the limit has been replaced.
        self.taken = self.taken.min(largest);
        self.taken_until = self.taken_until.min(now + largest * rate.interval);
        self.refused_until = self.refused_until.min(now + rate.interval);
        if self.taken > 0 && now < self.taken_until {
            self.taken -= 1;
            return Decision::Allow(self.allow(rate, now));
        }
        if now < self.refused_until {
            let wait = self.refused_until - now;
            let reset = wait + rate.depth() - rate.interval;
            return Decision::Refuse(Standing { remaining: 0, reset }, wait);
        }
        if self.is_asking {
            // So that many requests at once do not take many times what they need.
            return Decision::Ask(Question { wanted: 1, is_further: true });
        }
        let is_soon = self.next > 0 && now < self.asked_at + largest * rate.interval;
        self.next = if is_soon { (self.next * 2).min(largest) } else { 1 };
        self.asked_at = now;
        self.is_asking = true;
        Decision::Ask(Question { wanted: self.next, is_further: false })
    }

    /// Decides about a request alone.
    pub(super) fn decide_alone(&mut self, rate: Rate, now: u64) -> Decision {
        match rate.take(&mut self.tat, now) {
            Ok(standing) => Decision::Allow(standing),
            Err(wait) => Decision::Refuse(rate.standing(self.tat, now), wait),
        }
    }

    /// Decides about the request for which Redis was asked. `asked_at` is the time before the question, so that no more is
    /// given out than has come back meanwhile.
    pub(super) fn answered(&mut self, rate: Rate, answer: Answer, asked_at: u64, now: u64) -> Decision {
        if answer.taken == 0 {
            let wait = (answer.reset + rate.interval).saturating_sub(rate.depth()).max(1);
            self.refused_until = now + wait;
            return Decision::Refuse(Standing { remaining: 0, reset: answer.reset }, wait);
        }
        let still_good = if now < self.taken_until { self.taken } else { 0 };
        if answer.taken > 1 || still_good == 0 {
            self.taken_until = asked_at + answer.taken * rate.interval;
        }
        self.taken = still_good + answer.taken - 1;
        self.left = answer.left;
        self.refused_until = 0;
        let Standing { remaining, .. } = self.allow(rate, now);
        Decision::Allow(Standing { remaining, reset: answer.reset })
    }

    /// Notes that a question has ended, with or without an answer.
    pub(super) fn has_asked(&mut self, question: Question) {
        self.is_asking &= question.is_further;
    }

    fn allow(&mut self, rate: Rate, now: u64) -> Standing {
        rate.add(&mut self.tat, now);
        let remaining = (self.taken + self.left).min(rate.quota);
        Standing { remaining, reset: (rate.quota - remaining) * rate.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn per_minute(quota: u64) -> Rate {
        Rate::new(quota, 60 * SECOND)
    }

    /// Redis, as one client sees it.
    struct Redis {
        rate: Rate,
        tat: u64,
        questions: usize,
    }

    impl Redis {
        fn new(rate: Rate) -> Self {
            Self { rate, tat: 0, questions: 0 }
        }

        fn take(&mut self, wanted: u64, now: u64) -> Answer {
            self.questions += 1;
            let taken = (0..wanted).take_while(|_| self.rate.take(&mut self.tat, now).is_ok()).count();
            let Standing { remaining, reset } = self.rate.standing(self.tat, now);
            Answer { taken: taken.try_into().unwrap(), left: remaining, reset }
        }
    }

    fn is_allowed(client: &mut Client, redis: &mut Redis, now: u64) -> bool {
        let rate = redis.rate;
        let mut decision = client.decide(rate, now);
        if let Decision::Ask(question) = decision {
            decision = client.answered(rate, redis.take(question.wanted, now), now, now);
            client.has_asked(question);
        }
        matches!(decision, Decision::Allow(_))
    }

    #[test]
    fn two_gateways_together_allow_the_quota_at_once_and_no_more() {
        for quota in [1, 19, 20, 100, 1_000] {
            let mut redis = Redis::new(per_minute(quota));
            let mut gateways = [Client::default(), Client::default()];
            let now = 1_000 * SECOND;
            let requests =
                (0..4 * quota).map(|n| is_allowed(&mut gateways[usize::from(n % 2 == 1)], &mut redis, now));
            assert_eq!(requests.filter(|is_allowed| *is_allowed).count() as u64, quota);
        }
    }

    #[test]
    fn over_a_long_time_two_gateways_allow_the_rate_and_no_more() {
        let rate = per_minute(600);
        let mut redis = Redis::new(rate);
        let mut gateways = [Client::default(), Client::default()];
        let mut allowed = 0;
        // A hundred requests a second for five minutes, ten times the rate.
        for n in 0..30_000_u64 {
            allowed +=
                u64::from(is_allowed(&mut gateways[usize::from(n % 2 == 1)], &mut redis, n * SECOND / 100));
        }
        assert!(allowed <= 600 + 5 * 600, "{allowed}");
        assert!(allowed >= 5 * 600, "{allowed}");
    }

    #[test]
    fn a_client_with_many_requests_costs_few_questions_and_so_does_one_that_is_refused() {
        let mut redis = Redis::new(per_minute(6_000));
        let mut client = Client::default();
        for n in 0..3_000 {
            assert!(is_allowed(&mut client, &mut redis, n * SECOND / 100));
        }
        assert!(redis.questions < 50, "{}", redis.questions);

        let mut redis = Redis::new(per_minute(1));
        let allowed = (0..100).filter(|_| is_allowed(&mut client, &mut redis, 100 * SECOND)).count();
        assert!(allowed <= 1);
        assert!(redis.questions <= 2, "{}", redis.questions);
    }

    #[test]
    fn what_was_taken_and_not_used_comes_back() {
        let mut redis = Redis::new(per_minute(60));
        let mut client = Client::default();
        (0..30).for_each(|_| assert!(is_allowed(&mut client, &mut redis, 0)));
        let later = 120 * SECOND;
        let allowed = (0..100).filter(|_| is_allowed(&mut client, &mut redis, later)).count();
        assert_eq!(allowed, 60);
    }

    #[test]
    fn questions_at_the_same_time_take_one_request_each() {
        let rate = per_minute(1_000);
        let mut client = Client { next: 16, ..Client::default() };
        let first = client.decide(rate, 0);
        assert_eq!(first, Decision::Ask(Question { wanted: 32, is_further: false }));
        let further = Question { wanted: 1, is_further: true };
        assert_eq!(client.decide(rate, 0), Decision::Ask(further));
        client.has_asked(further);
        assert_eq!(client.decide(rate, 0), Decision::Ask(further), "the first question has no answer yet");
    }

    #[test]
    fn who_has_used_up_a_limit_that_is_replaced_waits_for_some_intervals_of_the_new_one() {
        let mut client = Client::default();
        let mut redis = Redis::new(Rate::new(1, 3_600 * SECOND));
        assert!(is_allowed(&mut client, &mut redis, 0) && !is_allowed(&mut client, &mut redis, 0));
        redis.rate = per_minute(60);
        assert!(!is_allowed(&mut client, &mut redis, 0));
        assert!((1..=3).any(|second| is_allowed(&mut client, &mut redis, second * SECOND)));
    }

    #[test]
    fn a_gateway_that_counts_alone_goes_on_from_what_it_has_allowed() {
        let mut redis = Redis::new(per_minute(10));
        let mut client = Client::default();
        (0..7).for_each(|_| assert!(is_allowed(&mut client, &mut redis, 0)));
        let alone = |client: &mut Client| client.decide_alone(redis.rate, 0);
        assert!((0..3).all(|_| matches!(alone(&mut client), Decision::Allow(_))));
        assert!(
            matches!(alone(&mut client), Decision::Refuse(Standing { remaining: 0, .. }, wait) if wait > 0)
        );
    }
}
