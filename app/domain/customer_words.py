"""What a customer reads outside the wordings themselves, in the customer's language.

The staff's language does not matter there: the catalogues of the pages cannot be used, since a
store greets customers in more languages than its staff work in.
"""

from collections.abc import Mapping

from app.domain.consent_wordings import FALLBACK_LANGUAGE

# Key, then the words in each language of `LANGUAGES`, in that order.
LANGUAGES = ("en", "fr", "de", "ja")
_WORDS: dict[str, tuple[str, str, str, str]] = {
    "email": ("E-mail", "E-mail", "E-Mail", "メール"),
    "sms": ("SMS", "SMS", "SMS", "SMS"),
    "phone": ("Phone", "Téléphone", "Telefon", "電話"),
    "post": ("Post", "Courrier", "Post", "郵便"),
    "whatsapp": ("WhatsApp", "WhatsApp", "WhatsApp", "WhatsApp"),
    "clienteling": ("Personal advice", "Conseil personnel", "Persönliche Beratung", "個別のご案内"),
    "marketing": ("News and offers", "Nouveautés et offres", "Neuigkeiten und Angebote", "お知らせと特典"),
    "profiling": (
        "Suggestions from purchases", "Suggestions d'après mes achats", "Vorschläge nach Einkäufen",
        "購入履歴に基づくご提案",
    ),
    "ask_title": (
        "May we stay in touch?", "Pouvons-nous rester en contact ?", "Dürfen wir in Kontakt bleiben?",
        "ご連絡してもよろしいですか",
    ),
    "ask_text": (
        "Tap what suits you. What you leave out stays off, and your purchase does not depend on it.",
        "Touchez ce qui vous convient. Le reste n'est pas activé, et votre achat n'en dépend pas.",
        "Tippen Sie an, was Ihnen passt. Alles andere bleibt aus, und Ihr Einkauf hängt nicht davon ab.",
        "ご希望のものを選んでください。選ばなかったものは登録されず、お買い物に影響はありません。",
    ),
    "reach": ("How we may reach you", "Comment vous joindre", "Wie wir Sie erreichen dürfen", "ご連絡方法"),
    "sign": ("Your signature", "Votre signature", "Ihre Unterschrift", "ご署名"),
    "sign_hint": (
        "Sign here with your finger, or type your name.", "Signez ici du doigt, ou écrivez votre nom.",
        "Unterschreiben Sie hier mit dem Finger, oder tippen Sie Ihren Namen.",
        "指で署名するか、お名前を入力してください。",
    ),
    "wipe": ("Clear", "Effacer", "Löschen", "消去"),
    "name": ("Your name", "Votre nom", "Ihr Name", "お名前"),
    "save": ("Save my choices", "Enregistrer mes choix", "Auswahl speichern", "選択を保存"),
    "no": ("No, thank you", "Non, merci", "Nein, danke", "希望しません"),
    "problem": (
        "Something is missing", "Il manque quelque chose", "Es fehlt etwas", "入力内容をご確認ください",
    ),
    "choose_error": (
        "Tap at least one way to reach you, or choose “No, thank you”.",
        "Touchez au moins un moyen de vous joindre, ou choisissez « Non, merci ».",
        "Tippen Sie mindestens einen Weg an, oder wählen Sie „Nein, danke“.",
        "ご連絡方法を一つ以上選ぶか、「希望しません」を選んでください。",
    ),
    "sign_error": (
        "Sign in the box with a few strokes, or type your name.",
        "Signez dans le cadre en quelques traits, ou écrivez votre nom.",
        "Unterschreiben Sie im Feld mit einigen Strichen, oder tippen Sie Ihren Namen.",
        "枠内に署名するか、お名前を入力してください。",
    ),
    "card_error": (
        "This looks like the number of a payment card. Please type your name instead.",
        "Cela ressemble à un numéro de carte bancaire. Écrivez plutôt votre nom.",
        "Das sieht nach der Nummer einer Zahlungskarte aus. Bitte tippen Sie stattdessen Ihren Namen.",
        "カード番号のようです。代わりにお名前を入力してください。",
    ),
    "thanks": ("Thank you", "Merci", "Vielen Dank", "ありがとうございます"),
    "ended": (
        "This question has ended", "Cette question n'est plus ouverte", "Diese Frage ist nicht mehr offen",
        "この質問は終了しました",
    ),
    "hand_back": (
        "Please hand the tablet back.", "Veuillez rendre la tablette.",
        "Bitte geben Sie das Tablet zurück.", "タブレットをスタッフにお返しください。",
    ),
    "close": (
        "Your choices are saved. You can close this page.",
        "Vos choix sont enregistrés. Vous pouvez fermer cette page.",
        "Ihre Auswahl ist gespeichert. Sie können diese Seite schließen.",
        "選択が保存されました。このページを閉じてください。",
    ),
    "pending": (
        "We sent you an e-mail: please open the link in it to confirm.",
        "Nous vous avons envoyé un e-mail : ouvrez son lien pour confirmer.",
        "Wir haben Ihnen eine E-Mail gesendet: Bitte bestätigen Sie mit dem Link darin.",
        "確認メールをお送りしました。メール内のリンクからご確認ください。",
    ),
    "anytime": (
        "You can withdraw at any time, in the store or through the link in every e-mail.",
        "Vous pouvez retirer votre accord à tout moment, en boutique ou par le lien de chaque e-mail.",
        "Sie können jederzeit widerrufen, im Geschäft oder über den Link in jeder E-Mail.",
        "同意は店舗または各メールのリンクからいつでも撤回できます。",
    ),
    "confirm_title": (
        "Please confirm your choice", "Confirmez votre choix", "Bitte bestätigen Sie Ihre Wahl",
        "ご確認ください",
    ),
    "confirm_button": ("Yes, I agree", "Oui, j'accepte", "Ja, ich bin einverstanden", "同意します"),
    "confirmed": (
        "Confirmed. You can close this page.", "C'est confirmé. Vous pouvez fermer cette page.",
        "Bestätigt. Sie können diese Seite schließen.", "確認されました。このページを閉じてください。",
    ),
    "withdraw_title": (
        "Withdraw your consent", "Retirer votre accord", "Einwilligung widerrufen", "同意の撤回",
    ),
    "withdraw_text": (
        "One tap is enough, and takes effect at once.", "Un geste suffit, avec effet immédiat.",
        "Ein Tipp genügt und gilt sofort.", "ワンタップで、すぐに反映されます。",
    ),
    "stop": ("Stop", "Arrêter", "Beenden", "停止"),
    "stop_all": ("Stop everything", "Tout arrêter", "Alles beenden", "すべて停止"),
    "stopped": (
        "Done. It took effect at once.", "C'est fait, avec effet immédiat.", "Erledigt. Es gilt ab sofort.",
        "停止しました。すぐに反映されます。",
    ),
    "nothing": (
        "We have no consent from you at the moment.", "Nous n'avons actuellement aucun accord de votre part.",
        "Zurzeit liegt uns keine Einwilligung von Ihnen vor.", "現在、同意は登録されていません。",
    ),
    "gone_title": (
        "This link does not work any more", "Ce lien n'est plus valable", "Dieser Link gilt nicht mehr",
        "このリンクは使用できません",
    ),
    "gone_text": (
        "It was used already, or it is too old. Ask the store for a new one.",
        "Il a déjà servi, ou il est trop ancien. Demandez-en un nouveau à la boutique.",
        "Er wurde schon benutzt oder ist zu alt. Bitten Sie das Geschäft um einen neuen.",
        "すでに使用されたか、期限が切れています。店舗で新しいリンクをご依頼ください。",
    ),
    "confirm_subject": (
        "Please confirm: messages from {store}", "À confirmer : messages de {store}",
        "Bitte bestätigen: Nachrichten von {store}", "ご確認ください：{store}",
    ),
    "confirm_intro": (
        "You asked {store} to write to you at this address. It begins once you confirm:",
        "Vous avez demandé à {store} de vous écrire à cette adresse. Cela commencera après confirmation :",
        "Sie möchten, dass {store} Ihnen an diese Adresse schreibt. Das beginnt erst, wenn Sie bestätigen:",
        "{store}からこのアドレスへの連絡をご希望です。ご確認後に開始します。",
    ),
    "confirm_link": ("Confirm", "Confirmer", "Bestätigen", "確認する"),
    "confirm_ignore": (
        "The link works once, for seven days. If it was not you, do nothing: nothing will be sent.",
        "Le lien sert une fois, pendant sept jours. Si ce n'était pas vous, ne faites rien.",
        "Der Link gilt einmal und sieben Tage lang. Wenn Sie das nicht waren, tun Sie nichts.",
        "リンクは一度だけ、7日間有効です。お心当たりのない場合は何もしないでください。",
    ),
    "receipt_subject": (
        "Your consent to {store}", "Votre accord donné à {store}", "Ihre Einwilligung bei {store}",
        "{store}への同意について",
    ),
    "receipt_intro": (
        "You agreed to this with {store}:", "Vous avez donné votre accord à {store} :",
        "Sie haben bei {store} eingewilligt:", "{store}で以下に同意されました。",
    ),
    "receipt_withdraw": (
        "To withdraw, with one tap and without signing in:", "Pour retirer votre accord, en un geste :",
        "Zum Widerrufen, mit einem Tipp und ohne Anmeldung:", "撤回はこちらから（ログイン不要）：",
    ),
    "withdraw_link": ("Withdraw", "Retirer mon accord", "Widerrufen", "撤回する"),
}  # fmt: skip


def words(language: str) -> Mapping[str, str]:
    """Return all words in a language, in English where that one is not spoken here."""
    base = language.split("-", maxsplit=1)[0]
    place = LANGUAGES.index(base if base in LANGUAGES else FALLBACK_LANGUAGE)
    return {key: texts[place] for key, texts in _WORDS.items()}
