"""Made-up customers that look like a retailer's: common and rare names, several scripts."""

import random
from dataclasses import dataclass

FIRST = (
    "Marie Jean Pierre Anna Paul Laura Thomas Julia Lucas Emma Léa Hugo Chloé Louis Camille Jules Sarah "
    "Maria José Ana Luís Sofia João Carlos Elena Marco Giulia Luca Francesca Alessandro Chiara Matteo Jürgen "
    "Anneliese Björn Zoë Søren Åsa Łukasz Małgorzata Katarzyna Piotr Agnieszka Tomasz Ewa Jan Petr Zuzana "
    "Smith James Mary John Patricia Robert Jennifer Michael Linda William Elizabeth David Barbara Richard "
    "Susan Joseph Jessica Mohammed Fatima Ahmed Aisha Omar Layla Yusuf Noor Wei Li Na Min Hiroshi Yuki "
    "Kenji Sakura Minh Linh Nguyên Siobhán Niamh Seán Aoife D'Arcy Anne-Marie Jean-Luc"
).split()
LAST_COMMON = (
    "Martin Bernard Dubois Müller Schmidt Schneider Fischer Weber García Rodríguez Martínez Rossi Russo "
    "Ferrari Esposito Silva Santos Ferreira Smith Johnson Williams Brown Jones O'Connor O'Brien Murphy "
    "Kowalski Nowak Wiśniewski Novák Svoboda Hansen Johansson Larsen Nguyen Tran Wang Li Zhang Chen Tanaka "
    "Sato Suzuki Haddad Khoury Lefèvre Çelik Øster Strauß"
).split()
OTHER_SCRIPTS = [
    ("小龙", "李"), ("伟", "王"), ("芳", "张"), ("さくら", "田中"), ("健二", "鈴木"), ("Мария", "Иванова"),
    ("Дмитрий", "Смирнов"), ("Ελένη", "Παπαδοπούλου"), ("Γιώργος", "Νικολάου"), ("محمد", "الحداد"), ("فاطمة", "خوري"),
    ("민준", "김"), ("דוד", "כהן"),
]  # fmt: skip
_SYLLABLES = (
    "ba be bi bo bra da del do du fa fe fi ga ge gri ha he hol ja jo ka ke ko kra la le li lo lu ma me mi mo na "
    "ne ni no pa pe pi pra ra re ri ro sa sche se si so sta ta te ti to tra va ve vi wa we wi za ze zi"
).split()
_ENDS = "n r s t l mann berg son ski ez ini eau ard ier off sen ley ton wood feld".split()
DOMAINS = "gmail.com outlook.com yahoo.com web.de orange.fr gmx.net icloud.com libero.it mail.example shop.example".split()
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Person:
    first: str
    last: str
    email: str
    phone: str
    e164: str


class People:
    """An endless, repeatable row of people."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        made = {self._surname() for _ in range(40_000)}
        self.last = [*LAST_COMMON, *sorted(made)]
        self.last_weights = [1 / (rank + 6) ** 0.85 for rank in range(len(self.last))]
        self.first_weights = [1 / (rank + 10) ** 0.7 for rank in range(len(FIRST))]

    def _surname(self) -> str:
        parts = self.random.choices(_SYLLABLES, k=self.random.choice((1, 2, 2, 3)))
        return ("".join(parts) + self.random.choice(_ENDS)).capitalize()

    def batch(self, start: int, size: int) -> list[Person]:
        r = self.random
        firsts = r.choices(FIRST, self.first_weights, k=size)
        lasts = r.choices(self.last, self.last_weights, k=size)
        people = []
        for at in range(size):
            first, last = firsts[at], lasts[at]
            if r.random() < 0.03:
                first, last = r.choice(OTHER_SCRIPTS)
            digits = f"6{r.randrange(10**8):08d}"
            local = (
                f"{first}.{last}".lower() if first.isascii() and last.isascii() else f"c{r.randrange(10**6)}"
            )
            email = f"{local.replace(chr(39), '')}{start + at}@{r.choice(DOMAINS)}"
            spaced = " ".join((f"0{digits}"[:2], *(f"0{digits}"[i : i + 2] for i in range(2, 10, 2))))
            people.append(Person(first, last, email, spaced, f"+33{digits}"))
        return people


def display_id(number: int) -> str:
    """A different one for each number, in no visible order."""
    number = (number * 387_420_489 + 12_345) % 32**6
    return "".join(LETTERS[(number >> (5 * place)) & 31] for place in range(6))
