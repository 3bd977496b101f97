//! The words for the names and descriptions of stores and items.

use crate::items::Category;

/// Adjectives of store names.
pub(super) const STORE_ADJECTIVES: &[&str] = &[
    "달콤한",
    "포근한",
    "작은",
    "느린",
    "햇살",
    "구름",
    "오월의",
    "우리동네",
    "행복한",
    "새벽",
    "정성가득",
    "은은한",
    "바삭한",
    "촉촉한",
    "동그란",
    "Sweet",
    "Little",
    "Sunny",
    "Maison",
    "Petit",
];

/// Nouns of store names.
pub(super) const STORE_NOUNS: &[&str] = &[
    "오븐",
    "과자점",
    "베이커리",
    "디저트",
    "제과소",
    "케이크하우스",
    "쿠키공방",
    "빵집",
    "마카롱연구소",
    "티룸",
    "파티세리",
    "부엌",
    "작업실",
    "살롱",
    "Bakery",
    "Oven",
    "Patisserie",
    "Sweets",
];

/// Places of stores.
pub(super) const PLACES: &[&str] = &[
    "성수",
    "연남",
    "망원",
    "해방촌",
    "서촌",
    "북촌",
    "판교",
    "분당",
    "광안리",
    "전주",
    "강릉",
    "제주",
    "대구",
    "광주",
    "대전",
    "수원",
    "인천",
    "여의도",
    "잠실",
    "홍대",
];

/// Flavours of items. The first ones are by far the most frequent.
pub(super) const FLAVOURS: &[&str] = &[
    "초코",
    "딸기",
    "바닐라",
    "말차",
    "치즈",
    "생크림",
    "크림치즈",
    "레몬",
    "얼그레이",
    "캐러멜",
    "블루베리",
    "고구마",
    "흑임자",
    "쑥",
    "인절미",
    "밤",
    "무화과",
    "유자",
    "피스타치오",
    "라즈베리",
    "망고",
    "코코넛",
    "오레오",
    "황치즈",
    "솔티드캐러멜",
    "다크초콜릿",
    "화이트초콜릿",
    "로투스",
    "복숭아",
    "샤인머스캣",
    "단호박",
    "옥수수",
    "들깨",
    "한라봉",
    "체리",
    "애플시나몬",
    "헤이즐넛",
    "티라미수",
    "민트초코",
    "장미",
    "라벤더",
    "트러플",
    "금귤",
    "대추",
    "오미자",
    "곶감",
    "시나몬",
    "Earl Grey",
];

/// Words before the name of an item. Most items have none.
pub(super) const ADJECTIVES: &[&str] = &[
    "수제",
    "프리미엄",
    "저당",
    "비건",
    "글루텐프리",
    "홈메이드",
    "시그니처",
    "쫀득",
    "바삭",
    "촉촉",
    "겹겹이",
    "당일구움",
    "제철",
    "한정판",
    "엄마손",
    "Real",
];

/// The words and prices of a category.
pub(super) struct Profile {
    /// The names of items.
    pub(super) names: &'static [&'static str],
    /// Words after the name. Most items have none.
    pub(super) forms: &'static [&'static str],
    /// The lowest and the highest price of the first option, in hundreds of won.
    pub(super) price: (i64, i64),
    /// Sets of options: the name of each, and its price in percent of the first.
    pub(super) options: &'static [&'static [(&'static str, i64)]],
    /// Sentences for this category only. `{}` stands for the flavour.
    pub(super) sentences: &'static [&'static str],
}

const PLAIN: &[(&str, i64)] = &[("기본", 100)];
const WRAPPED: &[(&str, i64)] = &[("기본", 100), ("선물포장", 115)];
const SIZES: &[(&str, i64)] = &[("미니", 100), ("1호", 145), ("2호", 190)];
const NUMBERS: &[(&str, i64)] = &[("1호", 100), ("2호", 135), ("3호", 175)];
const PIECES: &[(&str, i64)] = &[("1개", 100), ("3개", 285), ("6개", 550)];
const MANY: &[(&str, i64)] = &[("1개", 100), ("5개", 480), ("10개", 930), ("20개", 1_800)];
const SETS: &[(&str, i64)] = &[("6구", 100), ("12구", 190), ("24구", 370)];
const WEIGHTS: &[(&str, i64)] = &[("100g", 100), ("200g", 190), ("500g", 450)];

/// The words and prices of a category.
pub(super) fn profile(category: Category) -> Profile {
    match category {
        Category::Cake => Profile {
            names: &[
                "케이크",
                "생크림케이크",
                "롤케이크",
                "쉬폰케이크",
                "파운드케이크",
                "치즈케이크",
                "컵케이크",
                "도시락케이크",
                "무스케이크",
            ],
            forms: &["레터링", "답례용", "선물세트", "Whole"],
            price: (180, 450),
            options: &[SIZES, NUMBERS, WRAPPED, PLAIN],
            sentences: &[
                "생일, 기념일 케이크로 인기 있는 메뉴입니다.",
                "초와 토퍼를 함께 보내드려요.",
                "{} 시트 사이에 크림을 켜켜이 채웠습니다.",
                "원하시는 문구를 적어 드립니다.",
            ],
        },
        Category::Tart => Profile {
            names: &["타르트", "에그타르트", "과일타르트", "갈레트", "파이", "크럼블타르트"],
            forms: &["선물세트", "박스", "Mini"],
            price: (35, 90),
            options: &[PIECES, WRAPPED, PLAIN],
            sentences: &[
                "바삭한 타르트지에 {} 필링을 가득 담았어요.",
                "살짝 데워 드시면 더 고소합니다.",
                "아몬드 크림을 두껍게 깔았습니다.",
            ],
        },
        Category::Macaron => Profile {
            names: &["마카롱", "뚱카롱", "다쿠아즈", "머랭쿠키"],
            forms: &["선물세트", "답례품", "세트"],
            price: (150, 240),
            options: &[SETS, SETS, WRAPPED],
            sentences: &[
                "꼬끄는 쫀득하고 {} 필링은 진해요.",
                "아몬드 가루를 두 번 체에 내려 만듭니다.",
                "냉동으로 보내드리니 10분 뒤에 드세요.",
            ],
        },
        Category::Bread => Profile {
            names: &[
                "식빵",
                "크루아상",
                "소금빵",
                "베이글",
                "브리오슈",
                "통밀빵",
                "앙버터",
                "모닝빵",
                "바게트",
            ],
            forms: &["샌드", "박스", "아침세트"],
            price: (28, 75),
            options: &[PIECES, PIECES, PLAIN],
            sentences: &[
                "저온에서 하루 숙성한 반죽으로 굽습니다.",
                "천연 발효종을 사용해 속이 편안해요.",
                "결이 살아 있는 {} 빵입니다.",
            ],
        },
        Category::Cookie => Profile {
            names: &["쿠키", "르뱅쿠키", "버터쿠키", "사브레", "비스코티", "스모어쿠키", "Cookie"],
            forms: &["선물세트", "틴케이스", "답례품", "Set"],
            price: (25, 48),
            options: &[MANY, PIECES, PLAIN],
            sentences: &[
                "겉은 바삭, 속은 꾸덕한 르뱅 스타일이에요.",
                "{} 조각이 씹히는 쿠키입니다.",
                "틴케이스에 담아 선물하기 좋아요.",
            ],
        },
        Category::Chocolate => Profile {
            names: &["초콜릿", "생초콜릿", "봉봉", "브라우니", "트러플초콜릿", "바크초콜릿", "Chocolate"],
            forms: &["선물세트", "박스", "Box"],
            price: (90, 260),
            options: &[WEIGHTS, SETS, WRAPPED],
            sentences: &[
                "벨기에산 초콜릿을 아낌없이 넣었습니다.",
                "카카오 70%에 {} 향을 더했어요.",
                "입에서 부드럽게 녹아내립니다.",
            ],
        },
        Category::Scone => Profile {
            names: &["스콘", "휘낭시에", "마들렌", "까눌레", "피낭시에"],
            forms: &["선물세트", "티타임세트", "답례품"],
            price: (28, 52),
            options: &[PIECES, MANY, WRAPPED],
            sentences: &[
                "홍차와 잘 어울리는 {} 맛이에요.",
                "태운 버터의 향이 진하게 납니다.",
                "딸기잼과 클로티드 크림을 곁들여 보세요.",
            ],
        },
    }
}

/// Sentences for every category. `{}` stands for the flavour.
pub(super) const SENTENCES: &[&str] = &[
    "매일 아침 직접 굽습니다.",
    "{} 맛이 진하게 느껴져요.",
    "국내산 재료만 사용합니다.",
    "프랑스산 버터와 유기농 밀가루로 만들었어요.",
    "선물용 포장이 가능합니다.",
    "냉장 보관 후 3일 안에 드세요.",
    "아이들 간식으로도 좋아요.",
    "달지 않고 담백한 {} 풍미.",
    "주문 후 당일 제작하여 신선하게 보내드려요.",
    "커피와 함께 드시면 더욱 맛있어요.",
    "제철 재료로 조금씩만 만듭니다.",
    "방부제와 색소를 넣지 않았어요.",
    "겉은 바삭하고 속은 촉촉합니다.",
    "Handmade in small batches.",
    "전국 어디든 아이스박스로 안전하게 배송됩니다.",
    "택배 배송 시 모양이 조금 달라질 수 있어요.",
    "견과류 알레르기가 있으신 분은 주의해 주세요.",
];

/// Words that very few descriptions have, for searches with few results.
pub(super) const RARE: &[&str] =
    &["금박장식", "캐비아", "사프란", "통카빈", "백년초", "식용꽃다발", "흑마늘", "kombucha"];
