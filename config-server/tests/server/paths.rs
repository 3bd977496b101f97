//! No path ends in an error of the server.

use proptest::prelude::*;

use crate::harness::Harness;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_path_is_answered_or_refused(
        segments in proptest::collection::vec("([a-z.,;:*@+#()_-]|%2[ef05]|%00|%5c|%ed%95%9c|member-api|default|\\(_\\)|\\.yml|\\.json|\\?useDefaultLabel){0,5}", 1..6),
    ) {
        let server = Harness::new();
        server.write("secret.yml", "stolen: 1");
        server.write("base/member-api.yml", "a: ${b}\nb: 1\n");
        let path = format!("/{}", segments.join("/"));
        prop_assume!(path.parse::<axum::http::Uri>().is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let answer = runtime.block_on(server.get(&path).send());

        prop_assert!(!answer.status.is_server_error(), "{}: {}", path, answer.status);
        prop_assert!(!String::from_utf8_lossy(&answer.bytes).contains("stolen"), "{}", path);
    }
}
