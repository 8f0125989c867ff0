//! The blog's pages.

use std::fmt::Write as _;
use std::net::IpAddr;

pub struct Blog {
    pub title: String,
}

/// Where a request comes from.
pub struct RequestOrigin {
    pub host: String,
    pub peer: IpAddr,
    /// `X-Forwarded-For`; empty without a proxy.
    pub forwarded: String,
}

struct Post {
    slug: &'static str,
    title: &'static str,
    text: &'static str,
}

const POSTS: [Post; 3] = [
    Post {
        slug: "localhost",
        title: "Why localhost works",
        text: "This blog listens on 127.0.0.1 only, and yet the web server in the next container reaches it. Both are in \
               the network namespace that pause holds, so both have the same loopback.",
    },
    Post {
        slug: "pause",
        title: "What pause is for",
        text: "Containers come and go, and a namespace lives only as long as something holds it. pause does nothing else: \
               it holds them, so that the pod keeps its address while this blog is restarted.",
    },
    Post {
        slug: "zombies",
        title: "Who reaps the dead",
        text: "A process that has ended stays as a zombie until its parent asks how it ended. An orphan's parent is PID 1, \
               and where the pod shares its processes, PID 1 is pause.",
    },
];

const STYLE: &str = "body{font:18px/1.6 Georgia,serif;max-width:38rem;margin:4rem auto;padding:0 1rem;color:#15171a}\
h1,h2{font-family:system-ui,sans-serif;line-height:1.2}h1 a,h2 a{color:inherit;text-decoration:none}\
p.note{font:15px/1.5 system-ui,sans-serif;color:#626d79}article{border-top:1px solid #e3e7eb;padding:.5rem 0}\
footer{border-top:1px solid #e3e7eb}@media(prefers-color-scheme:dark){body{background:#15171a;color:#e3e7eb}}";

impl Blog {
    /// The HTML page at this path, if there is one.
    pub fn page(&self, path: &str, origin: &RequestOrigin) -> Option<String> {
        let slug = path.trim_matches('/');
        let shown: Vec<&Post> = POSTS.iter().filter(|post| slug.is_empty() || post.slug == slug).collect();
        if shown.is_empty() {
            return None;
        }
        let title = escaped(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<h1><a href=\"/\">{title}</a></h1>\n\
             <p class=\"note\">This is Podscope's stand-in for the Ghost blog: no image was pulled.</p>\n"
        );
        for Post { slug, title, text } in shown {
            let _ = write!(html, "<article>\n<h2><a href=\"/{slug}/\">{title}</a></h2>\n<p>{text}</p>\n</article>\n");
        }
        let host = escaped(&origin.host);
        let way = if origin.forwarded.is_empty() {
            format!("asked for <b>{host}</b> by {} without a proxy", origin.peer)
        } else {
            format!("asked for <b>{host}</b> by {}, a proxy on behalf of {}", origin.peer, escaped(&origin.forwarded))
        };
        let pid = std::process::id();
        let _ = write!(
            html,
            "<footer>\n<p class=\"note\">Process {pid} in its container, {way}.</p>\n</footer>\n</html>\n"
        );
        Some(html)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Blog, RequestOrigin};

    #[test]
    fn input_is_escaped_in_the_page() {
        let blog = Blog { title: "A & <b>".to_owned() };
        let origin =
            RequestOrigin { host: "<i>".to_owned(), peer: [127, 0, 0, 1].into(), forwarded: "\"><script>".to_owned() };
        let page = blog.page("/", &origin).expect("the front page");
        assert!(page.contains("<h1><a href=\"/\">A &amp; &lt;b&gt;</a></h1>") && page.contains("&lt;i&gt;"), "{page}");
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("<article>").count(), 3);
        assert_eq!(blog.page("/pause/", &origin).expect("a post").matches("<article>").count(), 1);
        assert_eq!(blog.page("/nothing/", &origin), None);
    }
}
