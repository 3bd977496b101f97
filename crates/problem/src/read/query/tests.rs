use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[garde(length(chars, max = 5))]
    keyword: Option<String>,
    #[garde(skip)]
    sort: Option<Sort>,
    #[garde(range(min = 0))]
    max_price: Option<i64>,
    #[garde(skip)]
    in_stock: Option<bool>,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Needed {
    #[garde(skip)]
    day: String,
    #[garde(skip)]
    pages: u8,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Latest,
    Popular,
}

const NO_FILTER: Filter = Filter { keyword: None, sort: None, max_price: None, in_stock: None };

fn read(query: &str) -> Filter {
    Parameters::parse(query).read().expect("it has no fault")
}

fn faults_of<T: DeserializeOwned + Validate<Context = ()>>(query: &str) -> Vec<(String, String, String)> {
    let problem = Parameters::parse(query).read::<T>().err().expect("it has a fault");
    assert_eq!(problem.code(), Some(Code::InvalidParameter));
    let fault = |fault: &Fault| (fault.pointer.clone(), fault.code.to_string(), fault.detail.clone());
    problem.body().errors.iter().map(fault).collect()
}

fn named(faults: &[(String, String, String)]) -> Vec<(&str, &str)> {
    faults.iter().map(|(pointer, code, _)| (pointer.as_str(), code.as_str())).collect()
}

#[test]
fn parameters_are_decoded_and_of_their_types() {
    assert_eq!(read(""), NO_FILTER);
    assert_eq!(read("&&maxPrice=012&"), Filter { max_price: Some(12), ..NO_FILTER });
    let all = read("keyword=a+%ED%95%9C%2B&sort=popular&maxPrice=7&inStock=false");
    let expected = Filter {
        keyword: Some("a 한+".to_owned()),
        sort: Some(Sort::Popular),
        max_price: Some(7),
        in_stock: Some(false),
    };
    assert_eq!(all, expected);
    assert_eq!(read("keyword").keyword.as_deref(), Some(""));
    assert_eq!(read("keyword=a=b").keyword.as_deref(), Some("a=b"));
    assert_eq!(read("keyword=a%20b").keyword, read("keyword=a+b").keyword);
    assert_eq!(read("keyword=%2525").keyword.as_deref(), Some("%25"));
}

#[test]
fn every_fault_is_found_at_once_and_names_its_parameter() {
    let faults =
        faults_of::<Filter>("color=red&sort=cheapest&maxPrice=-1&inStock=maybe&keyword=toolong&sor%2Ft=1");
    assert_eq!(
        named(&faults),
        [
            ("/color", "UNKNOWN_FIELD"),
            ("/sort", "WRONG_TYPE"),
            ("/inStock", "WRONG_TYPE"),
            ("/sor~1t", "UNKNOWN_FIELD"),
            ("/keyword", "INVALID"),
            ("/maxPrice", "INVALID"),
        ]
    );
    assert_eq!(faults[0].2, "is not a parameter of this operation");
    assert_eq!(faults[1].2, "is `cheapest`, and must be `latest` or `popular`");
    assert_eq!(faults[2].2, "is neither `true` nor `false`");
}

#[test]
fn one_fault_is_told_in_the_detail() {
    let problem = Parameters::parse("maxPrice=1.5").read::<Filter>().expect_err("it has a fault");
    let range = format!("from {} to {}", i64::MIN, i64::MAX);
    let detail = format!("maxPrice: is not a whole number {range}");
    assert_eq!(problem.body().detail.as_deref(), Some(detail.as_str()));
    let problem = Parameters::parse("a=1&b=2").read::<Filter>().expect_err("it has two faults");
    assert_eq!(problem.body().detail.as_deref(), Some("2 parameters of the query have a fault"));
}

#[test]
fn a_whole_number_has_digits_and_a_minus_at_most() {
    for written in ["1.0", "1e3", "%2B1", "+1", "1_000", "1,000", "0x10", "%EF%BC%95", "--1", ""] {
        let faults = faults_of::<Filter>(&format!("maxPrice={written}"));
        assert_eq!(named(&faults), [("/maxPrice", "WRONG_TYPE")], "{written}");
    }
}

#[test]
fn a_parameter_that_stands_twice_is_refused() {
    let faults = faults_of::<Filter>("maxPrice=1&inStock=true&maxPrice=1&maxPric%65=2");
    assert_eq!(named(&faults), [("/maxPrice", "INVALID")]);
    assert_eq!(faults[0].2, "stands more than once");
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    for query in ["keyword=%ff", "keyword=%ED%95", "keyword=a%C0%80", "keyword=%ED%A0%80"] {
        assert_eq!(named(&faults_of::<Filter>(query)), [("/keyword", "INVALID")], "{query}");
    }
    assert_eq!(named(&faults_of::<Filter>("%ff=1")), [("/\u{fffd}", "INVALID")]);
    assert_eq!(read("keyword=%EF%BF%BD").keyword.as_deref(), Some("\u{fffd}"), "it is a character, too");
}

#[test]
fn a_percent_sign_that_encodes_nothing_is_refused() {
    for query in ["keyword=%zz", "keyword=%", "keyword=%4", "keyword=100%", "keyword=a%+1", "keyword=%%41"] {
        assert_eq!(named(&faults_of::<Filter>(query)), [("/keyword", "INVALID")], "{query}");
    }
    assert_eq!(named(&faults_of::<Filter>("%=1")), [("/%", "INVALID")]);
}

proptest! {
    #[test]
    fn whatever_is_asked_is_read_or_refused(query in r"([a-zA-Z=&%+\PC]|%[0-9A-F]{2}|maxPrice=|keyword=){0,20}") {
        if let Err(problem) = Parameters::parse(&query).read::<Filter>() {
            prop_assert_eq!(problem.code(), Some(Code::InvalidParameter));
            prop_assert!(!problem.body().errors.is_empty());
        }
    }
}

#[test]
fn a_parameter_that_is_missing_is_named() {
    assert_eq!(named(&faults_of::<Needed>("pages=3")), [("/day", "MISSING")]);
    assert_eq!(
        named(&faults_of::<Needed>("day=x&pages=300&y=1")),
        [("/pages", "WRONG_TYPE"), ("/y", "UNKNOWN_FIELD")]
    );
}

#[test]
fn what_is_taken_is_not_read_and_its_faults_are_reported_with_the_others() {
    let mut parameters = Parameters::parse("limit=5&maxPrice=7&page=x");
    assert_eq!(parameters.take::<u8>("limit"), Some(5));
    assert_eq!(parameters.take::<u8>("limit"), None, "it is taken");
    assert_eq!(parameters.take::<u8>("page"), None);
    let problem = parameters.read::<Filter>().expect_err("page has a fault");
    assert_eq!(problem.body().errors.len(), 1);
    assert_eq!(problem.body().errors[0].pointer, "/page");
}

#[test]
fn a_hostile_query_is_read_only_so_far() {
    let many: String = (0..2_000).map(|n| format!("p{n}=1&")).collect();
    assert_eq!(faults_of::<Filter>(&many).len(), MAX_FAULTS);
    let repeated = "a=1&".repeat(2_000);
    assert_eq!(faults_of::<Filter>(&repeated).len(), 1);
}
