use super::*;

const RESET: Duration = Duration::from_secs(60);

fn s(seconds: f64) -> Time {
    Duration::from_secs_f64(seconds)
}

fn dial(socket: SocketId) -> Action {
    Action::Dial { socket, protocol: true }
}

fn cover(at_once: bool) -> Action {
    Action::Cover { at_once }
}

fn other(reason: &str) -> Failure {
    Failure::Other(reason.to_owned())
}

/// With socket 1 open since second 0.
fn connected() -> Machine {
    let mut machine = Machine::new(7);
    assert_eq!(machine.step(Input::Tick, s(0.0)), [Action::AskSession]);
    assert_eq!(machine.link(), Link::Connecting(s(0.0)));
    assert_eq!(machine.step(Input::Session(RESET), s(0.0)), [dial(1)]);
    assert_eq!(machine.step(Input::Opened(1), s(0.0)), [cover(true)]);
    assert!(matches!(machine.link(), Link::Connected { .. }));
    machine
}

fn hear(machine: &mut Machine, socket: SocketId, at: f64) -> Vec<Action> {
    machine.step(Input::Heard(socket, s(at)), s(at))
}

/// Steps through the waits until something is to be done.
fn after_wait(machine: &mut Machine, now: &mut Time) -> Vec<Action> {
    let Link::Waiting(until, _) = machine.link() else { panic!("{:?}", machine.link()) };
    assert!(machine.step(Input::Tick, until.saturating_sub(Duration::from_millis(1))).is_empty());
    *now = until;
    machine.step(Input::Tick, until)
}

#[test]
fn a_reset_opens_the_next_socket_before_the_old_one_goes_and_costs_nothing() {
    let mut machine = connected();
    for second in (2..60).step_by(2) {
        assert!(hear(&mut machine, 1, f64::from(second)).is_empty());
    }
    assert_eq!(machine.step(Input::Tick, s(60.0)), [dial(2)]);
    assert!(matches!(machine.link(), Link::Connected { .. }), "the old one is still open");
    assert!(machine.step(Input::Opened(2), s(60.2)).is_empty(), "nothing to cover");
    assert!(machine.step(Input::Tick, s(61.0)).is_empty());
    assert_eq!(machine.step(Input::Tick, s(61.2)), [Action::Close(1)]);
    assert!(machine.step(Input::Closed(1, String::new()), s(61.3)).is_empty(), "as we asked for");
}

#[test]
fn a_server_that_closes_the_old_socket_first_costs_one_read() {
    // Told after the new one opened.
    let mut machine = connected();
    hear(&mut machine, 1, 59.0);
    assert_eq!(machine.step(Input::Tick, s(60.0)), [dial(2)]);
    machine.step(Input::Opened(2), s(60.1));
    assert_eq!(machine.step(Input::Closed(1, String::new()), s(60.1)), [cover(false)]);
    // Told before.
    let mut machine = connected();
    hear(&mut machine, 1, 59.0);
    machine.step(Input::Tick, s(60.0));
    assert!(machine.step(Input::Closed(1, String::new()), s(60.1)).is_empty());
    assert_eq!(machine.link(), Link::Resetting(s(60.1)));
    assert_eq!(machine.step(Input::Opened(2), s(60.2)), [cover(false)]);
}

#[test]
fn a_server_that_refuses_a_second_socket_gets_the_first_closed_and_is_remembered() {
    let mut machine = connected();
    hear(&mut machine, 1, 59.0);
    assert_eq!(machine.step(Input::Tick, s(60.0)), [dial(2)]);
    let refused = Failure::Refused(409, "taken".to_owned());
    assert_eq!(machine.step(Input::NotOpened(2, refused), s(60.1)), [Action::Close(1)]);
    assert_eq!(machine.link(), Link::Resetting(s(60.1)));
    assert!(machine.step(Input::Tick, s(60.2)).is_empty(), "it still acknowledges what came on it");
    assert_eq!(machine.step(Input::Closed(1, String::new()), s(60.2)), [dial(3)]);
    assert_eq!(machine.step(Input::Opened(3), s(60.2)), [cover(false)]);
    hear(&mut machine, 3, 119.0);
    assert_eq!(machine.step(Input::Tick, s(120.2)), [Action::Close(3)], "the first goes at once");
    assert_eq!(machine.next_at(), Some(s(124.2)));
    assert_eq!(machine.step(Input::Tick, s(124.2)), [dial(4)], "it never went: nobody waits for ever");
    assert!(machine.step(Input::Closed(3, String::new()), s(124.3)).is_empty());
    assert_eq!(machine.step(Input::Opened(4), s(124.4)), [cover(false)]);
}

#[test]
fn a_gateway_that_is_down_for_a_moment_costs_neither_the_open_socket_nor_the_overlap() {
    let mut machine = connected();
    hear(&mut machine, 1, 59.0);
    let mut now = s(60.0);
    assert_eq!(machine.step(Input::Tick, now), [dial(2)]);
    let refused = Failure::Refused(503, "a page".to_owned());
    assert!(machine.step(Input::NotOpened(2, refused), now).is_empty());
    assert!(matches!(machine.link(), Link::Connected { .. }));
    now += Duration::from_secs(1);
    assert_eq!(machine.step(Input::Tick, now), [dial(3)]);
    assert!(machine.step(Input::Opened(3), now).is_empty(), "never uncovered");
}

#[test]
fn silence_is_death_and_what_it_hid_is_covered() {
    let mut machine = connected();
    hear(&mut machine, 1, 8.0);
    assert_eq!(machine.next_at(), Some(s(18.0)));
    assert!(machine.step(Input::Tick, s(17.9)).is_empty());
    assert_eq!(machine.step(Input::Tick, s(18.0)), [Action::Close(1), dial(2)]);
    assert_eq!(machine.link(), Link::Connecting(s(18.0)));
    assert_eq!(machine.step(Input::Opened(2), s(18.5)), [cover(false)]);
}

#[test]
fn a_server_that_closes_at_once_is_not_stormed() {
    let mut machine = connected();
    let mut now = s(0.1);
    let mut socket = 1;
    for _ in 0..6 {
        let before = now;
        assert!(machine.step(Input::Closed(socket, "closed at once".to_owned()), now).is_empty());
        assert_eq!(after_wait(&mut machine, &mut now), [dial(socket + 1)]);
        assert!(
            now.saturating_sub(before) >= s(0.5) && now.saturating_sub(before) <= s(5.0),
            "{:?}",
            now.saturating_sub(before)
        );
        socket += 1;
        assert_eq!(machine.step(Input::Opened(socket), now), [cover(false)]);
    }
}

#[test]
fn waits_grow_to_half_a_minute_and_a_socket_makes_them_short_again() {
    let mut machine = connected();
    let mut now = s(6.0);
    assert_eq!(machine.step(Input::Closed(1, "gone".to_owned()), now), [dial(2)], "it lived: at once");
    let mut waits = Vec::new();
    for socket in 2..14 {
        let before = now;
        machine.step(Input::NotOpened(socket, other("refused")), now);
        assert_eq!(after_wait(&mut machine, &mut now), [dial(socket + 1)]);
        waits.push((now.saturating_sub(before)).as_secs_f64());
    }
    assert!(waits.iter().all(|wait| (0.5..=30.0).contains(wait)), "{waits:?}");
    assert!(waits[0] <= 1.0 && waits[11] >= 15.0, "{waits:?}");
    machine.step(Input::Opened(14), now);
    hear(&mut machine, 14, now.as_secs_f64() + 8.0);
    now += s(8.0);
    machine.step(Input::Closed(14, "gone".to_owned()), now);
    machine.step(Input::NotOpened(15, other("refused")), now);
    let before = now;
    after_wait(&mut machine, &mut now);
    assert!(now.saturating_sub(before) <= s(1.0));
}

#[test]
fn a_session_that_is_unknown_is_asked_for_again_but_not_in_a_loop() {
    let mut machine = connected();
    machine.step(Input::Closed(1, "gone".to_owned()), s(9.0));
    assert_eq!(machine.step(Input::NotOpened(2, Failure::UnknownSession), s(9.1)), [Action::AskSession]);
    assert_eq!(machine.step(Input::Session(RESET), s(9.2)), [dial(3)]);
    assert!(machine.step(Input::NotOpened(3, Failure::UnknownSession), s(9.3)).is_empty());
    let mut now = s(9.3);
    assert_eq!(after_wait(&mut machine, &mut now), [Action::AskSession]);
    assert_eq!(machine.step(Input::Session(RESET), now), [dial(4)]);
    assert_eq!(machine.step(Input::Opened(4), now), [cover(false)]);
}

#[test]
fn a_session_refused_twice_is_given_up() {
    let mut machine = connected();
    let mut now = s(9.0);
    machine.step(Input::Closed(1, "gone".to_owned()), now);
    let refused = || Failure::Refused(503, "a page of HTML".to_owned());
    machine.step(Input::NotOpened(2, refused()), now);
    assert_eq!(after_wait(&mut machine, &mut now), [dial(3)]);
    machine.step(Input::NotOpened(3, refused()), now);
    assert_eq!(after_wait(&mut machine, &mut now), [Action::AskSession]);
}

#[test]
fn the_sub_protocol_is_left_out_where_it_is_not_echoed() {
    let mut machine = Machine::new(7);
    machine.step(Input::Tick, s(0.0));
    machine.step(Input::Session(RESET), s(0.0));
    let without = |socket| [Action::Dial { socket, protocol: false }];
    assert_eq!(machine.step(Input::NotOpened(1, Failure::Protocol), s(0.0)), without(2));
    machine.step(Input::Opened(2), s(0.0));
    hear(&mut machine, 2, 59.0);
    assert_eq!(machine.step(Input::Tick, s(60.0)), without(3), "remembered");
    // A server that never agrees is waited for like any other failure.
    let mut machine = Machine::new(7);
    machine.step(Input::Tick, s(0.0));
    machine.step(Input::Session(RESET), s(0.0));
    machine.step(Input::NotOpened(1, Failure::Protocol), s(0.0));
    assert!(machine.step(Input::NotOpened(2, Failure::Protocol), s(0.0)).is_empty());
    assert!(matches!(machine.link(), Link::Waiting(..)));
}

#[test]
fn a_refusal_stands_until_it_is_tried_again() {
    let mut machine = Machine::new(7);
    machine.step(Input::Tick, s(0.0));
    assert!(machine.step(Input::SessionRefused("no permission".to_owned()), s(1.0)).is_empty());
    assert_eq!(machine.link(), Link::Refused(s(1.0), "no permission".to_owned()));
    assert!(machine.step(Input::Tick, s(900.0)).is_empty());
    assert_eq!(machine.step(Input::Tick, s(901.0)), [Action::AskSession]);
    assert_eq!(machine.link(), Link::Refused(s(1.0), "no permission".to_owned()), "until it is answered");
    assert_eq!(machine.step(Input::Session(RESET), s(902.0)), [dial(1)]);
    assert_eq!(machine.step(Input::Opened(1), s(902.0)), [cover(true)]);
}

#[test]
fn after_sleep_a_fresh_socket_comes_at_once_and_so_does_the_read() {
    let mut machine = connected();
    hear(&mut machine, 1, 4.0);
    // Without the word of the sleep this would be a silence of 36 s.
    assert_eq!(machine.step(Input::Woke, s(40.0)), [dial(2)]);
    assert_eq!(machine.step(Input::Opened(2), s(40.1)), [cover(true)]);
    // Asleep while waiting: the wait is over.
    let mut machine = connected();
    machine.step(Input::Closed(1, "gone".to_owned()), s(9.0));
    machine.step(Input::NotOpened(2, other("no network")), s(9.0));
    assert_eq!(machine.step(Input::Woke, s(9.1)), [dial(3)]);
    assert_eq!(machine.step(Input::Opened(3), s(9.2)), [cover(true)]);
}

#[test]
fn a_failed_handover_keeps_the_open_socket() {
    let mut machine = connected();
    hear(&mut machine, 1, 59.0);
    machine.step(Input::Tick, s(60.0));
    assert!(machine.step(Input::NotOpened(2, other("timeout")), s(60.1)).is_empty());
    assert!(matches!(machine.link(), Link::Connected { .. }));
    assert_eq!(machine.step(Input::Tick, s(62.0)), [dial(3)]);
    assert!(machine.step(Input::Opened(3), s(62.1)).is_empty(), "never uncovered");
    // A socket that nobody waits for is closed.
    assert_eq!(machine.step(Input::Opened(9), s(62.2)), [Action::Close(9)]);
}
