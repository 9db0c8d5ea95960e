"""Invented people for the demo: names, numbers and addresses that fit their country."""

import random
from dataclasses import dataclass

from app.domain import folding


@dataclass(frozen=True, kw_only=True)
class Land:
    """How people of a country are called and reached.

    Names in another script carry their Latin spelling for the e-mail address after a colon. In
    `phones` each # is a random digit; where a country keeps numbers for films, they are used.
    """

    code: str
    store: int
    share: int
    first: str
    last: str
    phones: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str, str], ...]


LANDS = (
    Land(code="US", store=0, share=22,
        first="Olivia Noah Emma Liam Ava James Sophia Elijah Mia Lucas Harper Mateo Camila Ethan Zoë Renée",
        last="Smith O'Connor García Johnson Williams Nguyen Brown Martínez Davis Lee McKenna Núñez Walker Cohen",
        phones=("(212) 555-01##", "+1 646 555 01##", "718-555-01##"),
        streets=("# Lexington Ave", "# Bleecker St", "# Court St", "# Prospect Park W"),
        towns=(("10016", "New York", "NY"), ("11201", "Brooklyn", "NY"), ("07302", "Jersey City", "NJ"),
               ("02116", "Boston", "MA"))),
    Land(code="FR", store=1, share=18,
        first="Zoé Léo Chloé Anaïs Théo Inès Hugo Maëlle Jérôme Élodie Loïc Céline François Aïcha Noémie Rémi",
        last="Lefèvre Müller Dubois Bélanger Nguyen Moreau Gérard Français Benoît d'Angelo Hébert Roy Côté",
        phones=("06 39 98 ## ##", "01 99 00 ## ##", "+33 6 39 98 ## ##"),
        streets=("# rue de Bretagne", "# rue Vieille du Temple", "# avenue Jean Jaurès", "# quai de Valmy"),
        towns=(("75003", "Paris", ""), ("75010", "Paris", ""), ("69007", "Lyon", ""), ("33000", "Bordeaux", ""))),
    Land(code="DE", store=2, share=18,
        first="Jürgen Zoë Käthe Björn Jana Günther Mia Leon Sören Anneliese Çağla Thomas Lena Friederike",
        last="Müller Großmann Köhler Schröder Weiß Yılmaz Schäfer Böhm Lange Öztürk Krüger Groß Vogel Jäger",
        phones=("030 23125 ###", "+49 171 39200##", "0176 040690##"),
        streets=("Torstraße #", "Lindenallee #", "Schönhauser Allee #", "Große Hamburger Straße #"),
        towns=(("10119", "Berlin", ""), ("10437", "Berlin", ""), ("04109", "Leipzig", ""), ("80331", "München", ""))),
    Land(code="JP", store=3, share=14,
        first="結衣:yui 陽翔:haruto さくら:sakura 蓮:ren 美咲:misaki 大輔:daisuke 葵:aoi 健太:kenta ゆき:yuki 翔太:shota",
        last="佐藤:sato 鈴木:suzuki 高橋:takahashi 田中:tanaka 渡辺:watanabe 伊藤:ito 山本:yamamoto 中村:nakamura 小林:kobayashi",
        phones=("090-0000-####", "+81 80 0000 ####"),
        streets=("銀座#-2-3", "神南#-4-1", "南青山#-7"),
        towns=(("104-0061", "中央区", "東京都"), ("150-0041", "渋谷区", "東京都"), ("107-0062", "港区", "東京都"))),
    Land(code="GR", store=2, share=4,
        first="Ελένη:eleni Γιώργος:giorgos Δήμητρα:dimitra Νίκος:nikos Σοφία:sofia Κώστας:kostas",
        last="Παπαδόπουλος:papadopoulos Νικολάου:nikolaou Γεωργίου:georgiou Δημητρίου:dimitriou",
        phones=("21 0000 ####", "+30 690 000 ####"), streets=("Ερμού #", "Πατησίων #"),
        towns=(("105 63", "Αθήνα", ""), ("546 24", "Θεσσαλονίκη", ""))),
    Land(code="UA", store=2, share=4,
        first="Оксана:oksana Андрій:andrii Наталія:nataliia Тарас:taras Ірина:iryna Юрій:yurii",
        last="Шевченко:shevchenko Ковальчук:kovalchuk Бондаренко:bondarenko Мельник:melnyk",
        phones=("+380 67 000 ####", "067 000 ## ##"), streets=("вул. Хрещатик, #", "просп. Свободи, #"),
        towns=(("01001", "Київ", ""), ("79008", "Львів", ""))),
    Land(code="AE", store=1, share=4,
        first="فاطمة:fatima محمد:mohammed مريم:maryam أحمد:ahmed نورة:noura خالد:khalid",
        last="الهاشمي:alhashimi المنصوري:almansoori الشامسي:alshamsi النعيمي:alnuaimi",
        phones=("+971 50 000 ####", "050 000 ####"), streets=("شارع الشيخ زايد #", "شارع الوصل #"),
        towns=(("", "", "دبي"), ("", "", "الشارقة"))),
    Land(code="IL", store=1, share=3,
        first="נועה:noa יוסף:yosef תמר:tamar דוד:david מאיה:maya אורי:uri",
        last="כהן:cohen לוי:levi מזרחי:mizrahi פרץ:peretz",
        phones=("050-000-####", "+972 3 000 ####"), streets=("דיזנגוף #", "רוטשילד #"),
        towns=(("6433222", "תל אביב", ""), ("9438307", "ירושלים", ""))),
    Land(code="CN", store=3, share=4,
        first="伟:wei 芳:fang 秀英:xiuying 敏:min 静:jing 磊:lei", last="王:wang 李:li 张:zhang 刘:liu 陈:chen",
        phones=("+86 130 0000 ####",), streets=("南京东路#号", "淮海中路#号"),
        towns=(("200001", "黄浦区", "上海市"), ("200020", "黄浦区", "上海市"))),
    Land(code="KR", store=3, share=4,
        first="서연:seoyeon 민준:minjun 지우:jiwoo 도윤:doyun 하은:haeun 준호:junho",
        last="김:kim 이:lee 박:park 최:choi 정:jung",
        phones=("010-0000-####", "+82 10 0000 ####"), streets=("세종대로 #", "테헤란로 #"),
        towns=(("04524", "중구", "서울특별시"), ("06164", "강남구", "서울특별시"))),
    Land(code="IN", store=0, share=3,
        first="प्रिया:priya अर्जुन:arjun अनन्या:ananya रोहन:rohan कविता:kavita विक्रम:vikram",
        last="शर्मा:sharma वर्मा:verma सिंह:singh गुप्ता:gupta",
        phones=("+91 70000 0####",), streets=("# एम जी रोड", "# लिंक रोड"),
        towns=(("400050", "मुंबई", "Maharashtra"), ("110001", "नई दिल्ली", "Delhi"))),
    Land(code="PL", store=2, share=4,
        first="Łukasz Małgorzata Paweł Agnieszka Michał Żaneta Jędrzej Zofia",
        last="Wiśniewski Kowalczyk Dąbrowski Wójcik Zieliński Szymańska Woźniak",
        phones=("+48 600 000 ###", "22 000 ## ##"), streets=("ul. Świętokrzyska #", "ul. Piękna #"),
        towns=(("00-549", "Warszawa", ""), ("31-042", "Kraków", ""))),
    Land(code="TR", store=2, share=3,
        first="Çağla Ömer İrem Şule Barış Gökçe Işıl", last="Yılmaz Öztürk Şahin Çelik Doğan Aydın",
        phones=("+90 500 000 ## ##",), streets=("İstiklal Cad. No: #", "Bağdat Cad. No: #"),
        towns=(("34433", "Beyoğlu", "İstanbul"), ("34710", "Kadıköy", "İstanbul"))),
    Land(code="IE", store=0, share=3,
        first="Aoife Seán Niamh Ciarán Róisín Pádraig", last="O'Brien O’Sullivan O'Neill Ní_Mhurchú D’Arcy",
        phones=("+353 20 91# ####", "020 91# ####"), streets=("# Grafton Street", "# Dawson Street"),
        towns=(("D02 AF30", "Dublin", ""), ("D02 YX88", "Dublin", ""))),
    Land(code="BR", store=0, share=2,
        first="João Conceição Luís Júlia Antônio Marília", last="Gonçalves Araújo Simões Brandão",
        phones=("+55 11 90000-####",), streets=("Rua Augusta, #",),
        towns=(("01305-000", "São Paulo", "SP"),)),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Person:
    """One invented person."""

    land: Land
    first_name: str
    last_name: str
    email: str
    phone: str
    street: str
    town: tuple[str, str, str]


def make(dice: random.Random, count: int) -> list[Person]:
    """Return as many people, each with an e-mail address of a domain reserved for examples."""
    people = []
    lands = dice.choices(LANDS, weights=[land.share for land in LANDS], k=count)
    for number, land in enumerate(lands):
        first, first_latin = _name(dice, land.first)
        last, last_latin = _name(dice, land.last)
        host = dice.choice(("example.com", "example.org", "example.net"))
        # The number keeps namesakes apart.
        email = f"{first_latin}.{last_latin}{number}@{host}".replace(" ", "")
        people.append(
            Person(
                land=land,
                first_name=first,
                last_name=last,
                email=email,
                phone=phone(dice, land) if dice.random() < 0.9 else "",
                street=dice.choice(land.streets).replace("#", str(dice.randint(1, 180))),
                town=dice.choice(land.towns),
            )
        )
    return people


def _name(dice: random.Random, names: str) -> tuple[str, str]:
    written, _, latin = dice.choice(names.split()).partition(":")
    written = written.replace("_", " ")
    return written, latin or folding.fold(written)


def phone(dice: random.Random, land: Land) -> str:
    """Return a phone number that fits the country and reaches nobody."""
    pattern = dice.choice(land.phones)
    return "".join(str(dice.randint(0, 9)) if character == "#" else character for character in pattern)
