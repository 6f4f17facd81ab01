//! The page of a tour: every file with a sentence.

use super::{Stop, Tour, Written};
use crate::features::network::NetworkCard;
use crate::jobs::Selection;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1b1e23;background:#fbfbfa}
section{margin-top:3rem}.views{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:1.5rem}
figure{margin:0}img{max-width:100%;border:1px solid #e2e4e8;border-radius:4px}figcaption,.quiet{color:#5d6670}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#16181c}img{border-color:#2c3038}figcaption,.quiet{color:#9aa3ad}a{color:#4c9aff}}";

/// The page as HTML.
pub fn html(tour: &Tour, card: &NetworkCard, selection: &Selection) -> String {
    let block = card
        .block(selection.block)
        .map(|info| {
            format!(
                " ({}, {}, {:.2} of {:.2} GMAC)",
                info.place(),
                info.shape(),
                info.cumulative_gmac,
                card.full_gmac
            )
        })
        .unwrap_or_default();
    let about = card.config.card.as_ref().map_or("", |card| card.data.as_str());
    let trained =
        if about.is_empty() { String::new() } else { format!(" It was trained on {}.", escape(about)) };
    let stops: String = tour.pictures.iter().map(stop).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>difscope tour</title>\n<style>{STYLE}</style>\n<h1>What a diffusion network sees</h1>\n\
         <p>Noise is added to a picture up to step t; the network, which was trained to remove it, looks at the \
         result; and what it holds after block b is shown here. These views are of <b>{name}</b> at t {t} and \
         b {b}{block}.{trained}</p>\n<p class=\"quiet\">network {hash} · difscope {version}</p>\n{stops}</html>\n",
        name = escape(&tour.network),
        t = tour.timestep,
        b = tour.block,
        hash = escape(&tour.network_hash),
        version = tour.version,
    )
}

fn stop(stop: &Stop) -> String {
    let notes: String =
        stop.notes.iter().map(|note| format!("<p class=\"quiet\">{}</p>\n", escape(note))).collect();
    let files: String = stop.files.iter().map(written).collect();
    format!(
        "<section>\n<h2>{}</h2>\n{notes}<div class=\"views\">\n{files}</div>\n</section>\n",
        escape(&stop.picture)
    )
}

fn written(written: &Written) -> String {
    let (file, about) = (escape(&written.file), escape(&written.about));
    let view = if file.ends_with(".png") {
        format!("<a href=\"{file}\"><img src=\"{file}\" alt=\"{about}\" loading=\"lazy\"></a>")
    } else {
        format!("<a href=\"{file}\">{file}</a>")
    };
    format!("<figure>{view}<figcaption>{about}</figcaption></figure>\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_becomes_markup() {
        let text = written(&Written { file: "a\"<b>.png".into(), about: "x & y".into() });
        assert!(text.contains("a&quot;&lt;b&gt;.png") && text.contains("x &amp; y"), "{text}");
    }
}
