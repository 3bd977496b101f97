//! What desserts and their shops are called.

use crate::domain::Category;

/// How a store's name begins.
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

/// What a store's name is about.
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

/// Where it is.
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

/// What an item tastes of; the first are by far the most frequent.
pub(super) const TASTES: &[&str] = &[
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

/// What is said of it before its name; most items have nothing of the kind.
pub(super) const ADJECTIVES: &[&str] = &[
    "수제",
    "프리미엄",
    "한입",
    "미니",
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
    "Mini",
    "Real",
];

/// What is added behind its name; most items have nothing of the kind.
pub(super) const FORMS: &[&str] =
    &["선물세트", "6구", "12구", "1호", "2호", "홀케이크", "조각", "답례품", "박스", "100g", "1kg", "Set"];

/// What items of a category are called, and what they cost, from and to, in hundreds of won.
pub(super) fn kinds(category: Category) -> (&'static [&'static str], i64, i64) {
    match category {
        Category::Cake => (
            &["케이크", "생크림케이크", "롤케이크", "쉬폰케이크", "파운드케이크", "치즈케이크", "컵케이크"],
            180,
            650,
        ),
        Category::Tart => (&["타르트", "에그타르트", "과일타르트", "갈레트", "파이"], 35, 380),
        Category::Macaron => (&["마카롱", "뚱카롱", "다쿠아즈", "머랭쿠키"], 25, 300),
        Category::Bread => {
            (&["식빵", "크루아상", "소금빵", "베이글", "브리오슈", "통밀빵", "앙버터", "모닝빵"], 28, 120)
        }
        Category::Cookie => (&["쿠키", "르뱅쿠키", "버터쿠키", "사브레", "비스코티", "Cookie"], 25, 240),
        Category::Chocolate => {
            (&["초콜릿", "생초콜릿", "봉봉", "브라우니", "트러플초콜릿", "Chocolate"], 30, 450)
        }
        Category::Scone => (&["스콘", "휘낭시에", "마들렌", "까눌레", "피낭시에"], 28, 160),
    }
}

/// What a description is put together of; `{}` stands for the taste.
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
    "생일, 기념일 케이크로 인기 있는 메뉴입니다.",
    "커피와 함께 드시면 더욱 맛있어요.",
    "부드러운 크림과 {}의 조화.",
    "벨기에산 초콜릿을 아낌없이 넣었습니다.",
    "제철 과일이 듬뿍 올라갑니다.",
    "방부제와 색소를 넣지 않았어요.",
    "겉은 바삭하고 속은 촉촉합니다.",
    "Handmade in small batches.",
    "전국 어디든 아이스박스로 안전하게 배송됩니다.",
    "택배 배송 시 모양이 조금 달라질 수 있어요.",
    "견과류 알레르기가 있으신 분은 주의해 주세요.",
];

/// Words that hardly any description has, for those who search for a needle.
pub(super) const RARE: &[&str] =
    &["금박장식", "캐비아", "사프란", "통카빈", "백년초", "식용꽃다발", "흑마늘", "kombucha"];

/// What the options of an item are called.
pub(super) const OPTIONS: &[&[&str]] = &[
    &["기본"],
    &["1호", "2호", "3호"],
    &["소", "중", "대"],
    &["1개", "3개", "6개", "12개"],
    &["기본", "선물포장"],
    &["조각", "홀"],
];
