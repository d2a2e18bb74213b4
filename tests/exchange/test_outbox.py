from steelyard.exchange.outbox import MAILS_MAX, Mail, Outbox


def test_mails_are_newest_first_a_persons_own_and_bounded():
    outbox = Outbox()
    for number in range(MAILS_MAX + 5):
        outbox.send(Mail(number % 2, "a@example.com", str(number), "text", number))
    everybodys = [mail.time_ns for mail in outbox.mails()]
    assert everybodys == [*range(MAILS_MAX + 4, 4, -1)]
    assert {mail.person_id for mail in outbox.mails(1)} == {1}
    assert len(outbox.mails(1)) == MAILS_MAX // 2
