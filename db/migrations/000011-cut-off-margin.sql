-- A token is dated by the database's clock and never ahead of it; whoever asks for one too soon after a cut-off waits
-- until the clock has passed it. So a cut-off finds every earlier token in the past, whatever else was revoked
-- meanwhile under another name. It lies two seconds on: one for the second of T itself, one for whoever is just
-- issuing on a node that has not heard yet, and for the time until this transaction commits.
-- Where a clock was set back, cut-offs lie ahead and tokens may be dated with them: then it is one more than the last.
create or replace function next_cut_off(kind smallint, value text) returns bigint language sql volatile as $$
  select greatest(clock.next, max(case when r.not_before > clock.next then r.not_before + 1 else r.not_before end))
    from (select floor(extract(epoch from clock_timestamp()))::bigint + 2 as next) as clock
    cross join revocation_feeds f
    left join revocations r on r.key = revocation_key($1, $2, f.salt) and r.kind = $1
   group by clock.next
$$;
