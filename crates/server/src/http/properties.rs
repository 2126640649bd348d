//! Whatever a client sends, the readers of paths and headers end with a value or an error.

use super::proxies::TrustedProxies;
use super::{negotiate, path::Target};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in prop_oneof![".*", "[/a-c%.0-9\\\\]{0,40}", "[a-z/*;q=0-9,. ]{0,40}"]) {
        let _ = (Target::of(&text), negotiate::negotiate(Some(&text)));
    }

    #[test]
    fn no_header_makes_the_search_for_the_client_fail(text in "[0-9a-f:.,\\[\\] ]{0,60}") {
        let proxies = TrustedProxies::parse(&["0.0.0.0/0".to_owned(), "::/0".to_owned()]).unwrap();
        let headers: HeaderMap = ["x-forwarded-for", "x-forwarded-host", "host"]
            .map(|name| (name.parse().unwrap(), HeaderValue::from_str(&text).unwrap()))
            .into_iter()
            .collect();
        prop_assert!(proxies.client([127, 0, 0, 1].into(), &headers).address.is_some());
    }
}
