//! Names and addresses of made-up people and companies, in several scripts.
//!
//! They exist to be awkward: wide characters, joined emoji, combining marks, right-to-left text. None of
//! them may name a real person.

use crate::sandbox::rng::below;

const FIRST: [&str; 32] = [
    "Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farah", "Gus", "Hana", "Ines", "Jonas", "Kofi", "Lena",
    "Mira", "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wanda", "Xenia",
    "Yara", "Zoltan", "Aiko", "Bence", "Chidi", "Dalia", "Emre", "Freya",
];
const LAST: [&str; 32] = [
    "Abt",
    "Bergmann",
    "Costa",
    "Dietrich",
    "Ekwueme",
    "Fontaine",
    "Grigoryan",
    "Hughes",
    "Ito",
    "Jensen",
    "Kowalska",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ustinov",
    "Varga",
    "Weiss",
    "Xanthos",
    "Yilmaz",
    "Zimmer",
    "Almeida",
    "Baptiste",
    "Castro",
    "Duarte",
    "Espinoza",
    "Farkas",
];
const COMPANY: [&str; 16] = [
    "Works",
    "Labs",
    "Studio",
    "Logistics",
    "Foods",
    "Media",
    "Robotics",
    "Dental",
    "Garden",
    "Travel",
    "Optics",
    "Bakery",
    "Cycles",
    "Records",
    "Analytics",
    "Partners",
];
const LEGAL: [&str; 8] = ["GmbH", "Ltd", "Inc.", "SARL", "AB", "K.K.", "LLC", "S.p.A."];
const AWKWARD: [&str; 20] = [
    "株式会社みどり電機",
    "李小龙餐饮有限公司",
    "김하늘 스튜디오",
    "مؤسسة النور للتجارة",
    "דניאל כהן ובניו",
    "Ελένη Παπαδοπούλου",
    "Наталья Соколова",
    "नेहा शर्मा",
    "ร้านกาแฟสมชาย",
    "Zoë & Noël’s Café ☕️",
    "👩‍👩‍👧‍👦 Family Co",
    "🇧🇷 Praça do Café",
    "E\u{301}mile Lefe\u{300}vre",
    "Tha\u{31b}\u{301}nh Nguye\u{302}\u{303}n",
    "Łukasz Żółć",
    "İbrahim Iğdır",
    "\"Quote\" & <Tag> \\ Slash",
    "東京タワー観光👍🏽",
    "O’Brien-Müller, 三郎",
    "A company whose name is so long that no column in any terminal was ever going to hold all of it Ltd",
];
const DOMAINS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "firma.example",
    "corp.example.net",
    "post.example.org",
    "shop.example",
];
const CITIES: [(&str, &str, &str, &str); 12] = [
    ("Berlin", "DE", "Lindenweg", "10115"),
    ("Lyon", "FR", "Rue des Tanneurs", "69002"),
    ("Leeds", "GB", "Mill Lane", "LS1 4AB"),
    ("Austin", "US", "Cedar Street", "78701"),
    ("Kyoto", "JP", "烏丸通", "600-8001"),
    ("Malmö", "SE", "Storgatan", "211 34"),
    ("Kuwait City", "KW", "Al Soor Street", "13001"),
    ("Manama", "BH", "Palace Avenue", "316"),
    ("Zürich", "CH", "Seefeldstrasse", "8008"),
    ("Porto", "PT", "Rua das Flores", "4050-262"),
    ("Toronto", "CA", "Maple Road", "M5V 2T6"),
    ("Dublin", "IE", "Quay Street", "D02 X285"),
];

/// An address.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// town
    pub city: &'static str,
    /// ISO country code
    pub country: &'static str,
    /// street without the number
    pub street: &'static str,
    /// house number
    pub house: u64,
    /// postal code
    pub postal_code: &'static str,
}

/// A display name. About one in sixteen is awkward.
pub fn name(hash: u64) -> String {
    let pick = |shift: u32, length: usize| below(hash.rotate_left(shift), length as u64) as usize;
    match (hash >> 4) % 16 {
        0 => AWKWARD[pick(9, AWKWARD.len())].to_owned(),
        1..=5 => format!("{} {} {}", LAST[pick(7, 32)], COMPANY[pick(13, 16)], LEGAL[pick(29, 8)]),
        _ => format!("{} {}", FIRST[pick(17, 32)], LAST[pick(7, 32)]),
    }
}

/// A mail address that no two customers share.
pub fn email(hash: u64, number: u64, revision: u16) -> String {
    let pick = |shift: u32, length: usize| below(hash.rotate_left(shift), length as u64) as usize;
    let (first, last, domain) = (FIRST[pick(17, 32)], LAST[pick(7, 32)], DOMAINS[pick(37, 8)]);
    let mut text = format!("{first}.{last}{number}");
    if revision > 0 {
        text.push('+');
        text.push_str(&revision.to_string());
    }
    text.make_ascii_lowercase();
    text.push('@');
    text.push_str(domain);
    text
}

/// Where somebody lives.
pub fn place(hash: u64) -> Place {
    let (city, country, street, postal_code) = CITIES[below(hash.rotate_left(23), 12) as usize];
    Place { city, country, street, house: 1 + hash % 240, postal_code }
}
