//! The story: what a seller and two customers do.

use anyhow::{bail, ensure};
use console::style;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde_json::{Value, json};

use super::api::{Api, Call};
use super::values::{escaped, list, number, text, won};

const KEYWORD: &str = "말차";
const CODE_CHARS: usize = 4;
const PASSWORD_CHARS: usize = 24;

pub(super) struct Story {
    api: Api,
    /// A part of the names and emails, so that each run has its own.
    code: String,
    /// The password of all members.
    pub(super) password: String,
}

/// A member who has signed in.
struct Person {
    name: &'static str,
    token: String,
}

/// An item that is for sale.
struct Listed {
    id: String,
    /// The cheapest one first.
    options: Vec<Offer>,
}

/// An option of an item.
struct Offer {
    id: String,
    /// The names of the item and the option.
    name: String,
    price: i64,
}

impl Story {
    pub(super) fn new(api: Api) -> Self {
        Self { api, code: random(CODE_CHARS).to_lowercase(), password: random(PASSWORD_CHARS) }
    }

    /// The email of the administrator who looks at the ledger. There must be one before the story is played.
    pub(super) fn admin_email(&self) -> String {
        format!("admin-{}@dalkom.example", self.code)
    }

    pub(super) fn play(&self) -> anyhow::Result<()> {
        chapter("A seller opens a store");
        let seller = self.sign_up("김하늘", "sellers", "haneul")?;
        let store = self.open_store(&seller)?;
        let cake = self.list_item(&seller, &store, &cake())?;
        let macarons = self.list_item(&seller, &store, &macarons())?;

        chapter("Two customers sign up, and charge their wallets");
        let seoyeon = self.sign_up("이서연", "customers", "seoyeon")?;
        let jihun = self.sign_up("박지훈", "customers", "jihun")?;
        self.charge(&seoyeon, 100_000)?;
        self.charge(&jihun, 20_000)?;

        chapter("이서연 searches, fills a cart, and orders a part of it");
        self.search(&seoyeon)?;
        self.put_into_cart(&seoyeon, &cake.options[0], 1)?;
        self.put_into_cart(&seoyeon, &macarons.options[1], 2)?;
        self.order_twice(&seoyeon, &cake.options[0])?;
        self.show_cart(&seoyeon)?;

        chapter("The price of something in her cart changes");
        self.change_price(&seller, &macarons, 26_000)?;
        self.order_at_another_price(&seoyeon)?;
        self.acknowledge(&seoyeon)?;
        self.show_cart(&seoyeon)?;

        chapter("박지훈 has not enough money, and then has");
        self.put_into_cart(&jihun, &cake.options[1], 1)?;
        self.order_without_money(&jihun)?;
        self.charge(&jihun, 40_000)?;
        self.order_all(&jihun)?;

        chapter("What the day leaves behind");
        for person in [&seller, &seoyeon, &jihun] {
            let balance = self.balance(person)?;
            say(&format!("{}'s wallet: {}", person.name, won(balance)));
        }
        for item in [&cake, &macarons] {
            self.show_stock(item)?;
        }
        self.show_ledger()?;

        chapter("Who leaves, and who can't yet");
        self.close_with_money(&jihun)?;
        let yuna = self.sign_up("최유나", "customers", "yuna")?;
        self.give_heart(&yuna, &macarons)?;
        self.close(&yuna)?;
        self.show_hearts(&macarons)
    }

    fn sign_up(&self, name: &'static str, role: &str, mailbox: &str) -> anyhow::Result<Person> {
        let email = format!("{mailbox}-{}@dalkom.example", self.code);
        let body = json!({ "email": email, "password": self.password, "name": name });
        let member = self.api.succeed(Call::post(&format!("/api/member/{role}"), body))?;
        say(&format!("{name} signs up as {} with {email}", text(&member, "role")?));
        Ok(Person { name, token: self.sign_in(&email)? })
    }

    fn sign_in(&self, email: &str) -> anyhow::Result<String> {
        let body = json!({ "email": email, "password": self.password });
        let session = self.api.succeed(Call::post("/api/member/sessions", body))?;
        Ok(text(&session, "accessToken")?.to_owned())
    }

    fn open_store(&self, seller: &Person) -> anyhow::Result<String> {
        let name = format!("하늘 디저트 공방 {}", self.code);
        let body = json!({ "name": name, "description": "매일 아침 굽는 작은 공방입니다." });
        let store = self.api.succeed(Call::post("/api/store/stores", body).bearer(&seller.token))?;
        say(&format!("{} opens the store {name}", seller.name));
        Ok(text(&store, "id")?.to_owned())
    }

    fn list_item(&self, seller: &Person, store_id: &str, item: &Value) -> anyhow::Result<Listed> {
        let path = format!("/api/store/stores/{store_id}/items");
        let item = self.api.succeed(Call::post(&path, item.clone()).bearer(&seller.token))?;
        let item_name = text(&item, "name")?;
        say(&format!("{} lists {item_name} ({})", seller.name, text(&item, "category")?));
        let mut options = Vec::new();
        for option in list(&item, "options")? {
            let (name, price) = (text(option, "name")?, number(option, "price")?);
            say(&format!("    {name}: {}, {} pieces", won(price), number(option, "quantity")?));
            options.push(Offer {
                id: text(option, "id")?.to_owned(),
                name: format!("{item_name} {name}"),
                price,
            });
        }
        ensure!(options.len() == 2, "{item_name} was listed with two options, and has {}", options.len());
        options.sort_by_key(|offer| offer.price);
        Ok(Listed { id: text(&item, "id")?.to_owned(), options })
    }

    fn charge(&self, person: &Person, amount: i64) -> anyhow::Result<()> {
        let key = format!("charge-{}-{amount}-{}", person.name.len(), self.code);
        let call = Call::post("/api/member/me/wallet/charges", json!({ "amount": amount }));
        let charge = self.api.succeed(call.bearer(&person.token).key(&key))?;
        let balance = number(&charge, "balance")?;
        say(&format!("{} charges {}; the wallet has {}", person.name, won(amount), won(balance)));
        Ok(())
    }

    fn balance(&self, person: &Person) -> anyhow::Result<i64> {
        let wallet = self.api.succeed(Call::get("/api/member/me/wallet").bearer(&person.token))?;
        number(&wallet, "balance")
    }

    fn search(&self, person: &Person) -> anyhow::Result<()> {
        let path = format!("/api/store/items?keyword={}&inStock=true&sort=latest&limit=3", escaped(KEYWORD));
        let page = self.api.succeed(Call::get(&path))?;
        let items = list(&page, "items")?;
        ensure!(!items.is_empty(), "a search for {KEYWORD} found nothing");
        say(&format!("{} searches for \"{KEYWORD}\" and finds", person.name));
        for item in items {
            let from = won(number(item, "minPrice")?);
            say(&format!("    {}, from {from}, at {}", text(item, "name")?, text(item, "storeName")?));
        }
        Ok(())
    }

    fn put_into_cart(&self, person: &Person, offer: &Offer, quantity: u32) -> anyhow::Result<()> {
        let body = json!({ "optionId": offer.id, "quantity": quantity });
        let key = format!("line-{}-{}", offer.id, self.code);
        let call = Call::post("/api/order/cart/lines", body).bearer(&person.token).key(&key);
        let cart = self.api.succeed(call)?;
        let total = won(number(&cart, "total")?);
        say(&format!("{} puts {} × {quantity} into the cart; it comes to {total}", person.name, offer.name));
        Ok(())
    }

    fn cart(&self, person: &Person) -> anyhow::Result<Value> {
        self.api.succeed(Call::get("/api/order/cart").bearer(&person.token))
    }

    fn show_cart(&self, person: &Person) -> anyhow::Result<()> {
        let cart = self.cart(person)?;
        for line in list(&cart, "lines")? {
            let (item, option) = (text(line, "itemName")?, text(line, "optionName")?);
            say(&format!("    still in the cart: {item} {option} × {}", number(line, "quantity")?));
        }
        Ok(())
    }

    /// Sends one order twice, like a client that did not get the answer.
    fn order_twice(&self, person: &Person, offer: &Offer) -> anyhow::Result<()> {
        let body = json!({ "optionIds": [offer.id], "cartVersion": self.cart(person)?["version"] });
        let key = format!("order-1-{}", self.code);
        let call = || Call::post("/api/order/orders", body.clone()).bearer(&person.token).key(&key);
        let order = self.api.succeed(call())?;
        say(&format!(
            "{} orders {} for {}: {}",
            person.name,
            offer.name,
            won(number(&order, "total")?),
            text(&order, "status")?
        ));
        let again = self.api.call(call())?;
        ensure!(
            again.replayed && again.body["id"] == order["id"],
            "the order was placed twice: {}",
            again.body
        );
        say("    the same request once more, as if the answer had been lost: the same order, paid once");
        Ok(())
    }

    fn change_price(&self, seller: &Person, item: &Listed, price: i64) -> anyhow::Result<()> {
        let offer = &item.options[1];
        let path = format!("/api/store/items/{}/options/{}", item.id, offer.id);
        let key = format!("price-{}", self.code);
        let call = Call::patch(&path, json!({ "price": price })).bearer(&seller.token).key(&key);
        self.api.succeed(call)?;
        say(&format!("{} sells {} for {} now", seller.name, offer.name, won(price)));
        Ok(())
    }

    /// Orders at a price that the customer was not shown.
    fn order_at_another_price(&self, person: &Person) -> anyhow::Result<()> {
        self.order_in_vain(person, &format!("order-4-{}", self.code), "CART_CHANGED")
    }

    fn acknowledge(&self, person: &Person) -> anyhow::Result<()> {
        let cart = self.cart(person)?;
        let [message] = list(&cart, "messages")? else { bail!("one message was expected: {cart}") };
        let (code, old, new) =
            (text(message, "code")?, number(message, "oldPrice")?, number(message, "newPrice")?);
        let key = format!("seen-{}", self.code);
        let call = Call::post("/api/order/cart/acknowledgements", json!({ "version": cart["version"] }));
        let cart = self.api.succeed(call.bearer(&person.token).key(&key))?;
        ensure!(list(&cart, "messages")?.is_empty(), "the message is still shown: {cart}");
        say(&format!(
            "{} looks at the cart: {code}, {} → {}; she acknowledges it",
            person.name,
            won(old),
            won(new)
        ));
        Ok(())
    }

    fn order_without_money(&self, person: &Person) -> anyhow::Result<()> {
        self.order_in_vain(person, &format!("order-2-{}", self.code), "INSUFFICIENT_BALANCE")
    }

    /// Places an order that must be refused with this code.
    fn order_in_vain(&self, person: &Person, key: &str, code: &str) -> anyhow::Result<()> {
        let call = Call::post("/api/order/orders", json!({})).bearer(&person.token).key(key);
        let answer = self.api.call(call)?;
        ensure!(answer.code() == code, "an order that should be refused with {code}: {}", answer.body);
        let balance = won(self.balance(person)?);
        say(&format!("{} orders: {} {code}; the wallet still has {balance}", person.name, answer.status));
        Ok(())
    }

    fn order_all(&self, person: &Person) -> anyhow::Result<()> {
        let key = format!("order-3-{}", self.code);
        let body = json!({ "cartVersion": self.cart(person)?["version"] });
        let order =
            self.api.succeed(Call::post("/api/order/orders", body).bearer(&person.token).key(&key))?;
        let total = won(number(&order, "total")?);
        say(&format!("{} orders again, for {total}: {}", person.name, text(&order, "status")?));
        Ok(())
    }

    fn show_stock(&self, item: &Listed) -> anyhow::Result<()> {
        let item = self.api.succeed(Call::get(&format!("/api/store/items/{}", item.id)))?;
        for option in list(&item, "options")? {
            let (name, left) = (text(option, "name")?, number(option, "quantity")?);
            say(&format!("{} {name}: {left} left", text(&item, "name")?));
        }
        Ok(())
    }

    fn give_heart(&self, person: &Person, item: &Listed) -> anyhow::Result<()> {
        let path = format!("/api/store/items/{}/heart", item.id);
        self.api.succeed(Call::put(&path).bearer(&person.token))?;
        self.show_hearts(item)
    }

    fn show_hearts(&self, item: &Listed) -> anyhow::Result<()> {
        let item = self.api.succeed(Call::get(&format!("/api/store/items/{}", item.id)))?;
        say(&format!("    hearts of {}: {}", text(&item, "name")?, number(&item, "hearts")?));
        Ok(())
    }

    fn close(&self, person: &Person) -> anyhow::Result<()> {
        self.api.succeed(Call::delete("/api/member/me").bearer(&person.token))?;
        say(&format!("{} closes the account", person.name));
        Ok(())
    }

    fn close_with_money(&self, person: &Person) -> anyhow::Result<()> {
        let answer = self.api.call(Call::delete("/api/member/me").bearer(&person.token))?;
        ensure!(answer.code() == "ACCOUNT_NOT_SETTLED", "an account with money was closed: {}", answer.body);
        say(&format!("{} closes the account: {} {}", person.name, answer.status, answer.code()));
        for open in list(&answer.body, "open")? {
            say(&format!("    open: {}, {}", text(open, "kind")?, won(number(open, "amount")?)));
        }
        Ok(())
    }

    /// The proof that no money was made or lost, in this story and all before it.
    fn show_ledger(&self) -> anyhow::Result<()> {
        let token = self.sign_in(&self.admin_email())?;
        let audit = self.api.succeed(Call::get("/api/member/audit").bearer(&token))?;
        let (sums, counts) = (&audit["sums"], &audit["counts"]);
        say(&format!(
            "the ledger, {} transfers in {} wallets:",
            number(counts, "transfers")?,
            number(counts, "wallets")?
        ));
        for (field, what) in [
            ("cash", "came in from outside"),
            ("escrow", "paid, and not yet settled"),
            ("walletBalances", "in wallets"),
            ("postings", "all postings together"),
        ] {
            say(&format!("    {:>14}  {what}", won(number(sums, field)?)));
        }
        ensure!(audit["balanced"] == true, "the ledger is not balanced: {audit}");
        say("    balanced: every account is the sum of its postings");
        Ok(())
    }
}

fn cake() -> Value {
    json!({
        "name": "딸기 생크림 케이크",
        "description": "논산 설향 딸기와 동물성 생크림으로 만든 케이크",
        "category": "CAKE",
        "options": [
            { "name": "1호", "price": 38_000, "quantity": 5 },
            { "name": "2호", "price": 52_000, "quantity": 3 },
        ],
    })
}

fn macarons() -> Value {
    json!({
        "name": "제주 말차 마카롱",
        "description": "제주 유기농 말차로 속을 채운 마카롱",
        "category": "MACARON",
        "options": [
            { "name": "6구", "price": 15_000, "quantity": 20 },
            { "name": "12구", "price": 28_000, "quantity": 10 },
        ],
    })
}

fn chapter(title: &str) {
    println!("\n{}", style(title).bold());
}

fn say(line: &str) {
    println!("  {line}");
}

fn random(chars: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(chars).map(char::from).collect()
}
