"""Wordings of consent for the demo, in the languages of its stores, and what proves a consent."""

import random
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import consent_wordings, digests
from app.domain.consents import EvidenceKind, Method, Purpose
from app.models import ConsentEvidence, ConsentWording
from app.models.base import new_id
from app.services import consent_capture

# Language, purpose, title, text of version 1, text of version 2 where there is one.
_TEXTS: tuple[tuple[str, Purpose, str, str, str], ...] = (
    ("en", Purpose.CLIENTELING, "Personal advice",
     "I would like my store to contact me personally through the channels I choose, about my orders and about pieces that may suit me. I can withdraw at any time.",
     "I would like my store to contact me personally through the channels I choose: about my orders, alterations and appointments, and about pieces that may suit me. My adviser may look at my purchases and preferences for this. I can withdraw at any time: in the store, or through the link in every e-mail."),
    ("en", Purpose.MARKETING, "News and offers",
     "I would like to receive news, offers and invitations through the channels I choose. I can withdraw at any time: in the store, or through the link in every e-mail.", ""),
    ("en", Purpose.PROFILING, "Suggestions from purchases",
     "I agree that my purchases and preferences are analysed to choose what is suggested to me through the channels I choose. I can withdraw at any time: in the store, or through the link in every e-mail.", ""),
    ("fr", Purpose.CLIENTELING, "Conseil personnel",
     "J'accepte que ma boutique me contacte personnellement par les moyens que je choisis, au sujet de mes commandes et de pièces qui pourraient me plaire. Je peux retirer mon accord à tout moment.",
     "J'accepte que ma boutique me contacte personnellement par les moyens que je choisis : au sujet de mes commandes, retouches et rendez-vous, et de pièces qui pourraient me plaire. Mon conseiller peut pour cela consulter mes achats et préférences. Je peux retirer mon accord à tout moment : en boutique, ou par le lien présent dans chaque e-mail."),
    ("fr", Purpose.MARKETING, "Nouveautés et offres",
     "J'accepte de recevoir des nouveautés, offres et invitations par les moyens que je choisis. Je peux retirer mon accord à tout moment : en boutique, ou par le lien présent dans chaque e-mail.", ""),
    ("fr", Purpose.PROFILING, "Suggestions d'après mes achats",
     "J'accepte que mes achats et préférences soient analysés pour choisir ce qui m'est proposé par les moyens que je choisis. Je peux retirer mon accord à tout moment : en boutique, ou par le lien présent dans chaque e-mail.", ""),
    ("de", Purpose.CLIENTELING, "Persönliche Beratung",
     "Ich möchte, dass mein Geschäft mich auf den gewählten Wegen persönlich anspricht, zu meinen Bestellungen und zu Stücken, die mir gefallen könnten. Ich kann das jederzeit widerrufen.",
     "Ich möchte, dass mein Geschäft mich auf den gewählten Wegen persönlich anspricht: zu meinen Bestellungen, Änderungen und Terminen und zu Stücken, die mir gefallen könnten. Dafür darf meine Beratung meine Einkäufe und Vorlieben ansehen. Ich kann das jederzeit widerrufen: im Geschäft oder über den Link in jeder E-Mail."),
    ("de", Purpose.MARKETING, "Neuigkeiten und Angebote",
     "Ich möchte auf den gewählten Wegen Neuigkeiten, Angebote und Einladungen erhalten. Ich kann das jederzeit widerrufen: im Geschäft oder über den Link in jeder E-Mail.", ""),
    ("de", Purpose.PROFILING, "Vorschläge nach Einkäufen",
     "Ich bin einverstanden, dass meine Einkäufe und Vorlieben ausgewertet werden, um auszuwählen, was mir auf den gewählten Wegen vorgeschlagen wird. Ich kann das jederzeit widerrufen: im Geschäft oder über den Link in jeder E-Mail.", ""),
    ("ja", Purpose.CLIENTELING, "個別のご案内",
     "選択した方法で、ご注文やおすすめの商品について店舗から個別に連絡を受けることに同意します。同意はいつでも撤回できます。",
     "選択した方法で、ご注文、お直し、ご予約、およびおすすめの商品について、店舗から個別に連絡を受けることに同意します。そのために担当者が購入履歴と好みを確認することがあります。同意は店舗または各メールのリンクからいつでも撤回できます。"),
    ("ja", Purpose.MARKETING, "お知らせと特典",
     "選択した方法で、新着情報、特典、イベントの案内を受け取ることに同意します。同意は店舗または各メールのリンクからいつでも撤回できます。", ""),
    ("ja", Purpose.PROFILING, "購入履歴に基づくご提案",
     "選択した方法でのご提案のために、購入履歴と好みが分析されることに同意します。同意は店舗または各メールのリンクからいつでも撤回できます。", ""),
)  # fmt: skip
_KINDS = {
    Method.SIGNATURE: EvidenceKind.SIGNATURE,
    Method.OWN_PHONE: EvidenceKind.OWN_PHONE,
    Method.SPOKEN: EvidenceKind.SPOKEN,
}
_DEVICES = {Method.OWN_PHONE: "Safari, iPhone", Method.SIGNATURE: "Safari, iPad"}


class Wordings:
    """The wordings of the demo, by language, purpose and time."""

    def __init__(self, session: Session, old: datetime, new: datetime) -> None:
        self.new = new
        self.rows: dict[tuple[str, str], list[ConsentWording]] = {}
        for language, purpose, title, first, second in _TEXTS:
            for version, text in enumerate(filter(None, (first, second)), 1):
                at = old if version == 1 else new
                row = ConsentWording(
                    key=purpose.value, purpose=purpose.value, channels=[], language=language, version=version,
                    title=title, text=text, created_at=at, updated_at=at,
                )  # fmt: skip
                session.add(row)
                self.rows.setdefault((language, purpose.value), []).append(row)
        session.flush()

    def at(self, country_code: str, purpose: Purpose, at: datetime) -> ConsentWording:
        """Return what a customer from a country was shown at a time."""
        languages = {language for language, _ in self.rows}
        language = consent_wordings.preferred(languages, consent_wordings.language_of(country_code)) or "en"
        versions = self.rows[language, purpose.value]
        return versions[-1] if at >= self.new else versions[0]


def evidence(
    session: Session, dice: random.Random, customer: tuple[object, str], method: Method, at: datetime
) -> ConsentEvidence | None:
    """Add what proves a yes; nothing where the method leaves nothing."""
    customer_id, name = customer
    kind = _KINDS.get(method)
    if kind is None:
        return None
    content = {
        EvidenceKind.SIGNATURE: _signature(dice),
        EvidenceKind.OWN_PHONE: f"Link {dice.getrandbits(64):016x}",
        EvidenceKind.SPOKEN: consent_capture.SPOKEN_CONTENT,
    }[kind]
    if kind is EvidenceKind.SIGNATURE and dice.random() < 0.1:
        kind, content = EvidenceKind.TYPED_NAME, name
    row = ConsentEvidence(
        id=new_id(), customer_id=customer_id, kind=kind.value, content=content, sha256=digests.sha256(content),
        device=_DEVICES.get(method, ""), created_at=at,
    )  # fmt: skip
    session.add(row)
    return row


def _signature(dice: random.Random) -> str:
    """Draw a name that nobody bears: loops along a line."""
    x, parts = 60, []
    for _stroke in range(dice.randint(1, 3)):
        y = dice.randint(80, 120)
        parts.append(f"M{x} {y}")
        for _step in range(dice.randint(8, 16)):
            x += dice.randint(4, 14)
            y = 100 + dice.choice((-1, 1)) * dice.randint(5, 60)
            parts.append(f"L{x} {y}")
        x += dice.randint(10, 24)
    return "".join(parts)
