//! Labels and plurals made from names (3).

/// `contact_info` becomes `Contact Info`.
pub fn label(name: &str) -> String {
    let mut label = String::with_capacity(name.len());
    let mut starts_word = true;
    for character in name.chars() {
        let character = if matches!(character, '_' | '-') { ' ' } else { character };
        match starts_word {
            true => label.extend(character.to_uppercase()),
            false => label.push(character),
        }
        starts_word = character == ' ';
    }
    label
}

/// The English plural of a label: `Todo` becomes `Todos`, `Category` becomes `Categories`.
pub fn plural(label: &str) -> String {
    let lower = label.to_lowercase();
    let last_word = lower.rsplit(' ').next().unwrap_or_default();
    const SAME: [&str; 6] = ["series", "species", "sheep", "fish", "equipment", "information"];
    const IRREGULAR: [(&str, &str); 6] = [
        ("person", "people"),
        ("man", "men"),
        ("woman", "women"),
        ("child", "children"),
        ("foot", "feet"),
        ("mouse", "mice"),
    ];
    if SAME.contains(&last_word) {
        return label.to_owned();
    }
    if let Some((singular, plural)) = IRREGULAR.iter().find(|(singular, _)| *singular == last_word) {
        let kept = &label[..label.len() - singular.len() + 1];
        return format!("{kept}{}", &plural[1..]);
    }
    let vowel_before_y = ["ay", "ey", "iy", "oy", "uy"].iter().any(|end| lower.ends_with(end));
    if lower.ends_with('y') && !vowel_before_y {
        return format!("{}ies", &label[..label.len() - 1]);
    }
    if ["s", "x", "z", "ch", "sh"].iter().any(|end| lower.ends_with(end)) {
        return format!("{label}es");
    }
    if label.chars().last().is_some_and(|last| last.is_ascii_digit()) {
        return format!("{label}S");
    }
    format!("{label}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_plurals_follow_english() {
        assert_eq!(label("contact_info"), "Contact Info");
        assert_eq!(label("t2"), "T2");
        let cases = [
            ("Todo", "Todos"),
            ("Contact Info", "Contact Infos"),
            ("Category", "Categories"),
            ("Key", "Keys"),
            ("Address", "Addresses"),
            ("Sales Person", "Sales People"),
            ("T2", "T2S"),
        ];
        for (one, many) in cases {
            assert_eq!(plural(one), many);
        }
    }
}
