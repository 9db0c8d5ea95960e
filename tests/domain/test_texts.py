from app.domain.texts import N_, Text


def test_a_text_reads_as_its_sentence_and_keeps_what_a_translation_needs():
    text = Text.of(N_("Use at most %(count)s characters."), count=5)
    assert text == "Use at most 5 characters."
    assert (text.template, text.values) == ("Use at most %(count)s characters.", {"count": 5})
